import type { RequestsResult } from '../load/requests.ts';
import type { Child } from './child.ts';
import { cpuSeconds } from './process-usage.ts';

/** Each round in so many slices: the shorter they are, the more alike is what else the machine does during both sides. */
export const SLICES = 4;

/** What one slice of load showed of a server. */
export interface Sample {
  /** Requests for each second that the server's core worked for them; for each second of the clock where nobody can tell. */
  perCoreSecond: number;
  /** Requests per second of the clock. */
  rate: number;
  /** The share of that time in which the server's core worked for it; null where nobody can tell. */
  busy: number | null;
}

/**
 * Loads a server with what `load` does in a round. Counted per second of processor time, not of the clock: otherwise a load generator that is too slow, or
 * whatever else the machine does, would flatter whoever needs more.
 */
export async function sampleLoad(load: Child, pid: number, round: object): Promise<Sample> {
  const before = cpuSeconds(pid);
  const { requests, duration } = await load.call<RequestsResult>('round', round);
  const after = cpuSeconds(pid);
  const worked = before === null || after === null ? null : after - before;
  return {
    perCoreSecond: requests / (worked ?? duration),
    rate: requests / duration,
    busy: worked === null ? null : worked / duration,
  };
}
