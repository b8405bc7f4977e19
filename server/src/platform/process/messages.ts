/**
 * What a primary says to a worker. `stop`: everything ends, so readiness turns red and waits for balancers first. `retire`: a successor has
 * taken over the port already. Stays as it is across versions: after an update on the spot, an older primary starts newer workers.
 */
export type Order = 'stop' | 'retire';

/** What a worker says to its primary once it takes requests. */
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
