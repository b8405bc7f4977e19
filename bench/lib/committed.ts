import type { Figure } from './figure.ts';
import { percentile } from './statistics.ts';

/** A figure fails above this many times the committed one: beyond what noise does to processor time measured in turns. */
const MOST = 4 / 3;

/** A figure of which less is better, beside the committed one. */
export function besideCommitted(measured: number, committed: number): Pick<Figure, 'value' | 'aim' | 'fails'> {
  const most = Number((committed * MOST).toFixed(2));
  return { value: measured, aim: { at: 'most', value: most }, fails: measured > most };
}

/**
 * What a request costs in requests of the other side, from the costs of several slices of both. Of each side the lower quartile: what
 * else a machine does makes a request dearer, never cheaper, and seldom during all slices; a change of the code shows in each.
 */
export function costIn({ ours, theirs }: { ours: number[]; theirs: number[] }): number {
  return percentile(ours, 0.25) / percentile(theirs, 0.25);
}
