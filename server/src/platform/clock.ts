/** Source of time for all modules; tests freeze or move it. Stored times have millisecond precision. */
export type Clock = () => Date;

export const systemClock: Clock = () => new Date();

/** Monotonic: unaffected by changes of the system's clock. For durations within this process. */
export const steadyClock: Clock = () => new Date(performance.timeOrigin + performance.now());

/** The time `milliseconds` after `from`, or before it if negative. */
export function after(from: Date, milliseconds: number): Date {
  return new Date(from.getTime() + milliseconds);
}

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
