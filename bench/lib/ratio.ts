import { median } from './statistics.ts';

export interface Ratio {
  /** The median of the ratios of each round. */
  value: number;
  lowest: number;
  highest: number;
  /** The medians of both sides. */
  ours: number;
  theirs: number;
}

/**
 * Measures both sides in turn, `rounds` times, and compares within each round: what else the machine does then falls on
 * both. The order alternates, so that neither side always comes after the other.
 */
export async function compare(
  rounds: number,
  sides: { ours: () => Promise<number>; theirs: () => Promise<number> },
): Promise<Ratio> {
  const pairs: { ours: number; theirs: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      const theirs = await sides.theirs();
      pairs.push({ theirs, ours: await sides.ours() });
    } else {
      const ours = await sides.ours();
      pairs.push({ ours, theirs: await sides.theirs() });
    }
  }
  return ratioOf(pairs);
}

/**
 * The same from figures that are there already. A round in which one side got nothing done, on a machine that was busy with
 * something else, says nothing and is left out.
 */
export function ratioOf(all: { ours: number; theirs: number }[]): Ratio {
  const pairs = all.filter(({ ours, theirs }) => ours > 0 && theirs > 0);
  const ratios = pairs.map(({ ours, theirs }) => ours / theirs);
  return {
    value: median(ratios),
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
    ours: median(pairs.map(({ ours }) => ours)),
    theirs: median(pairs.map(({ theirs }) => theirs)),
  };
}
