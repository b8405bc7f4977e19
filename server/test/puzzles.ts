import { createHash } from 'node:crypto';
import type { Puzzle, Solution } from '../src/modules/guessing/proof-of-work.ts';

/** Works as a client does, trying from a number on. */
export function solve({ challenge, bits }: Pick<Puzzle, 'challenge' | 'bits'>, from = 0): Solution {
  for (let tried = from; ; tried++) {
    const solution = tried.toString(36);
    if (zeroBits(challenge, solution) >= bits) return { challenge, solution };
  }
}

/** The first text that is no solution. */
export function fail({ challenge, bits }: Pick<Puzzle, 'challenge' | 'bits'>): Solution {
  for (let tried = 0; ; tried++) {
    const solution = tried.toString(36);
    if (zeroBits(challenge, solution) < bits) return { challenge, solution };
  }
}

function zeroBits(challenge: string, solution: string): number {
  const digest = createHash('sha256').update(`${challenge}.${solution}`).digest('hex');
  const [zeros = ''] = /^0*/.exec(digest) ?? [];
  const next = Number.parseInt(digest[zeros.length] ?? '0', 16);
  return zeros.length * 4 + (next >= 8 ? 0 : next >= 4 ? 1 : next >= 2 ? 2 : 3);
}
