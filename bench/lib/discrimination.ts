import { createRandom } from '../../server/test/fuzz/random.ts';
import { percentile } from './statistics.ts';

export interface Discrimination {
  /** How often one of `a` is greater than one of `b`, ties by half: 0.5 where nobody can tell them apart. */
  auc: number;
  /** Of 95 %, by bootstrap. */
  low: number;
  high: number;
}

const RESAMPLES = 2000;
const SEED = 1;

/**
 * How well two samples can be told apart: the area under the ROC curve, which is the statistic of Mann and Whitney over the number of pairs
 * (Hanley and McNeil 1982), with the bootstrap's interval of percentiles (Efron 1981).
 */
export function discriminate(a: number[], b: number[]): Discrimination {
  const random = createRandom(SEED, 0);
  const drawn = (values: number[]) => values.map(() => values[random.int(values.length)] ?? Number.NaN);
  const resampled = Array.from({ length: RESAMPLES }, () => areaUnderCurve(drawn(a), drawn(b)));
  return { auc: areaUnderCurve(a, b), low: percentile(resampled, 0.025), high: percentile(resampled, 0.975) };
}

function areaUnderCurve(a: number[], b: number[]): number {
  const all = [...a.map((value) => ({ value, inA: true })), ...b.map((value) => ({ value, inA: false }))];
  all.sort((one, other) => one.value - other.value);
  let rankSum = 0;
  for (let start = 0; start < all.length; ) {
    let end = start;
    while (end < all.length && all[end]?.value === all[start]?.value) end += 1;
    // Ties share the mean of their ranks, which count from 1.
    const rank = (start + 1 + end) / 2;
    rankSum += rank * all.slice(start, end).filter(({ inA }) => inA).length;
    start = end;
  }
  return (rankSum - (a.length * (a.length + 1)) / 2) / (a.length * b.length);
}
