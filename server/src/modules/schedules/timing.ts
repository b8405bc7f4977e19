import { Cron } from 'croner';
import { getTimes } from 'suncalc';
import { after, DAY, SECOND } from '../../platform/clock.ts';
import type { Fault } from '../../platform/errors.ts';
import type { Timing } from './schedule-store.ts';

/** The solar events that a schedule can follow, and their names in the library. */
const SOLAR_TIMES = {
  dawn_astronomical: 'nightEnd',
  dawn_nautical: 'nauticalDawn',
  dawn_civil: 'dawn',
  sunrise: 'sunrise',
  solar_noon: 'solarNoon',
  sunset: 'sunset',
  dusk_civil: 'dusk',
  dusk_nautical: 'nauticalDusk',
  dusk_astronomical: 'night',
} as const;

export type SolarEvent = keyof typeof SOLAR_TIMES;
export const SOLAR_EVENTS = Object.keys(SOLAR_TIMES) as SolarEvent[];

/** Near the poles the sun does not rise for months; a year contains every solar event that a place has. */
const SEARCHED_DAYS = 367;

/** The fault of a timing; null if it is valid. */
export function timingFault(timing: Timing): Fault | null {
  if (timing.kind !== 'cron') return null;
  // The library also reads a date as a single time, and @-names as patterns; the API allows neither.
  if (!/^[^@]\S*(?:\s+\S+){4,5}$/.test(timing.expression.trim())) {
    return { path: '/timing/expression', message: 'This must have five fields, or six with seconds first.' };
  }
  if (!isTimeZone(timing.timeZone)) {
    return {
      path: '/timing/timeZone',
      message: 'This must be a time zone of the IANA database, such as Europe/Berlin.',
    };
  }
  try {
    cronOf(timing);
    return null;
  } catch {
    return { path: '/timing/expression', message: 'This is not a cron expression.' };
  }
}

/** The server's own schedules are in UTC, so that starting does not load time zone data, which takes megabytes. */
const UTC = 'UTC';

function isTimeZone(name: string): boolean {
  if (name === UTC) return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function cronOf({ expression, timeZone }: Extract<Timing, { kind: 'cron' }>): Cron {
  const zone = timeZone === UTC ? { utcOffset: 0 } : { timezone: timeZone };
  return new Cron(expression.trim(), { ...zone, paused: true, mode: '5-or-6-parts' });
}

/**
 * The first tick after `from`, in whole seconds; null if there is none. Intervals count from `anchor`, so that every instance finds the
 * same ticks. A cron time of one hour and minute that a change of clocks skips ticks right after the gap; skipped times of lists and
 * steps are left out. A time that occurs twice ticks once, unless the expression repeats within the hour.
 */
export function nextTick(timing: Timing, from: Date, anchor: Date): Date | null {
  if (timing.kind === 'cron') return cronOf(timing).nextRun(from);
  if (timing.kind === 'solar') return nextSolar(timing, from);
  const every = timing.everySeconds * SECOND;
  const passed = Math.floor((from.getTime() - anchor.getTime()) / every) + 1;
  return after(anchor, Math.max(passed, 1) * every);
}

function nextSolar({ event, latitude, longitude }: Extract<Timing, { kind: 'solar' }>, from: Date): Date | null {
  // The solar day of a place may begin a day before or after that of Greenwich.
  for (let day = -1; day < SEARCHED_DAYS; day++) {
    const time = getTimes(after(from, day * DAY), latitude, longitude)[SOLAR_TIMES[event]];
    if (!time || Number.isNaN(time.getTime())) continue;
    const tick = new Date(Math.round(time.getTime() / SECOND) * SECOND);
    if (tick > from) return tick;
  }
  return null;
}

/** The next run of a schedule after `from`, from `startAt` to `endAt`; null if there is none. */
export function nextRun(
  schedule: { timing: Timing; startAt: Date | null; endAt: Date | null; createdAt: Date },
  from: Date,
): Date | null {
  const { timing, startAt, endAt, createdAt } = schedule;
  // The time `startAt` itself may be a tick.
  const begin = startAt !== null && startAt > from ? after(startAt, -1) : from;
  const tick = nextTick(timing, begin, anchorOf(timing, startAt, createdAt));
  return tick === null || (endAt !== null && tick > endAt) ? null : tick;
}

/** An interval with `startAt` first ticks at that time; one without, an interval after its creation. */
function anchorOf(timing: Timing, startAt: Date | null, createdAt: Date): Date {
  if (timing.kind !== 'interval' || startAt === null) return createdAt;
  return after(startAt, -timing.everySeconds * SECOND);
}
