import type { Config } from '../../platform/config/config.ts';
import type { Part } from '../../platform/http/part.ts';
import { pageRoutes } from './routes.ts';

/** Serves the server's own pages: `createPages({ config, version })`. */
export function createPages(deps: { config: Config; version: string }): Part {
  return { pages: [pageRoutes(deps)] };
}
