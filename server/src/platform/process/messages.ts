/**
 * Orders of a primary to a worker. `stop`: everything ends, so the readiness check fails first, for load balancers. `retire`: a successor
 * already serves the port. The format never changes: after an update in place, an older primary starts newer workers.
 */
export type Order = 'stop' | 'retire';

/** Message of a worker to its primary once it serves requests. */
export interface Ready {
  ready: true;
  setupLink: string | null;
}

export function isOrder(message: unknown): message is Order {
  return message === 'stop' || message === 'retire';
}

export function isReady(message: unknown): message is Ready {
  return typeof message === 'object' && message !== null && 'ready' in message && message.ready === true;
}
