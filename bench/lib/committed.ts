import type { Figure } from './figure.ts';

/** A figure fails above this many times the committed one: beyond what noise does to processor time measured in turns. */
const MOST = 4 / 3;

/** A figure of which less is better, beside the committed one. */
export function besideCommitted(measured: number, committed: number): Pick<Figure, 'value' | 'aim' | 'fails'> {
  const most = Number((committed * MOST).toFixed(2));
  return { value: measured, aim: { at: 'most', value: most }, fails: measured > most };
}
