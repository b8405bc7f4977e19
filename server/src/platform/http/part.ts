import type { Topic } from '../websocket/topic.ts';
import type { HttpServer } from './routes.ts';
import type { TokenForm } from './token-form.ts';

/** Registers routes. */
export type RoutePlugin = (app: HttpServer) => Promise<void>;

/** What a module keeps in memory of what the database holds. */
export interface Remembers {
  /** Something changed: what is remembered of this target (`kind:id`) is untrue. */
  evict(target: string): void;
  /** Everything may have changed. */
  clear(): void | Promise<void>;
}

/** What a module shows to the composition beside its own functions. Nothing finds it by name; `app.ts` lists all parts and registers them in order. */
export interface Part {
  /** Below `/api/v1`. */
  routes?: readonly RoutePlugin[];
  /** At the root. */
  pages?: readonly RoutePlugin[];
  remembers?: Remembers;
  /** What people can follow over the WebSocket. */
  topics?: readonly Topic[];
  /** Forms of the tokens that it issues, except of credentials, which declare their own. */
  tokens?: readonly TokenForm[];
}

const API = { prefix: '/api/v1' };

/** Registers what the parts answer to, in their order. */
export async function registerParts(http: HttpServer, parts: readonly Part[]): Promise<void> {
  for (const { routes = [], pages = [] } of parts) {
    for (const route of routes) await http.register(route, API);
    for (const page of pages) await http.register(page);
  }
}

/** What all parts remember, as one. */
export function rememberedBy(parts: readonly Part[]) {
  const all = parts.flatMap(({ remembers = [] }) => remembers);
  return {
    evict(target: string): void {
      for (const one of all) one.evict(target);
    },
    /** Resolves when everybody has forgotten; rejects where somebody could not. */
    async clear(): Promise<void> {
      await Promise.all(all.map(async (one) => one.clear()));
    },
  };
}
