/** Where every module takes its time from; a test freezes or moves it. Milliseconds are the finest unit that is stored. */
export type Clock = () => Date;

export const systemClock: Clock = () => new Date();

/** Goes on evenly whatever the system's clock is set to: for durations within this process. */
export const steadyClock: Clock = () => new Date(performance.timeOrigin + performance.now());

/** A time `milliseconds` after (or, negative, before) `from`. */
export function after(from: Date, milliseconds: number): Date {
  return new Date(from.getTime() + milliseconds);
}

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
