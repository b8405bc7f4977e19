import type { IncomingMessage } from 'node:http';
import type { Config } from '../config/config.ts';
import { originForm } from './request-target.ts';

/** Balancers and orchestrators ask for these by the address of the process, past the proxy that knows the path. */
const PROBES = /^\/(?:health|ready|api\/v1\/health\/(?:liveness|readiness))(?:\?|$)/;

export interface Targets {
  /** The path and query by which a request is routed. */
  rewrite(request: IncomingMessage): string;
  /** Whether a request must not be routed, because its target is not below the path of `PUBLIC_URL`. */
  isOutside(request: IncomingMessage): boolean;
  /** The target below the path of `PUBLIC_URL`, which the proxy should have removed; null: the target is not below it. */
  unremoved(target: string): string | null;
  /** The path of `PUBLIC_URL`, without a slash at its end: whatever begins with `/` in an answer must begin with it. Empty where there is none. */
  prefix: string;
}

/**
 * Takes the path of `PUBLIC_URL` off each request where the proxy keeps it. Each route has exactly one path: with a second one, `/auth/auth/…`
 * past a proxy that removes the first, or one outside the prefix, a rule of the proxy for a path would be circumvented.
 */
export function createTargets({ publicUrl, http }: Pick<Config, 'publicUrl' | 'http'>): Targets {
  const prefix = new URL(publicUrl).pathname.replace(/\/$/, '');
  const isKept = http.proxyPath === 'kept' && prefix !== '';
  const outside = new WeakSet<IncomingMessage>();
  const isOutside = (request: IncomingMessage) => isKept && outside.has(request);

  function rewrite(request: IncomingMessage): string {
    const target = originForm(request);
    if (!isKept || PROBES.test(target)) return target;
    const below = targetBelow(prefix, target);
    if (below === null) outside.add(request);
    return below ?? target;
  }

  const unremoved = (target: string) => (isKept || prefix === '' ? null : targetBelow(prefix, target));

  return { rewrite, isOutside, unremoved, prefix };
}

/** What follows `prefix` in a target, at least a slash; null for a target that is not below it. */
function targetBelow(prefix: string, target: string): string | null {
  if (!target.startsWith(prefix)) return null;
  const rest = target.slice(prefix.length);
  if (rest === '' || rest.startsWith('?')) return `/${rest}`;
  return rest.startsWith('/') ? rest : null;
}
