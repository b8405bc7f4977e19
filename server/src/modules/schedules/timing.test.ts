import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { after, DAY, MINUTE, SECOND } from '../../platform/clock.ts';
import type { Timing } from './schedule-store.ts';
import { nextRun, nextTick, SOLAR_EVENTS, type SolarEvent, timingFault } from './timing.ts';

const at = (text: string) => new Date(text);
const cron = (expression: string, timeZone = 'UTC'): Timing => ({ kind: 'cron', expression, timeZone });
const every = (everySeconds: number): Timing => ({ kind: 'interval', everySeconds });
const BERLIN = { latitude: 52.52, longitude: 13.405 };
const TROMSO = { latitude: 69.65, longitude: 18.96 };
/** The tick after a time, which is also the anchor. */
const next = (timing: Timing, from: string) => nextTick(timing, at(from), at(from));
const sun = (event: SolarEvent, place = BERLIN): Timing => ({ kind: 'solar', event, ...place });

/** The next ticks, as text; the last may say that there is none. */
function ticks(timing: Timing, from: string, count: number): (string | null)[] {
  const found: (string | null)[] = [];
  for (let tick: Date | null = at(from); tick !== null && found.length < count; ) {
    tick = nextTick(timing, tick, at(from));
    found.push(tick === null ? null : tick.toISOString().replace('.000Z', 'Z'));
  }
  return found;
}

describe('an interval', () => {
  const anchor = at('2026-11-20T12:00:00.250Z');

  test('ticks first one interval after its anchor, and counts from it for ever', () => {
    assert.deepEqual(nextTick(every(7), anchor, anchor), after(anchor, 7 * SECOND));
    assert.deepEqual(nextTick(every(7), after(anchor, 7 * SECOND - 1), anchor), after(anchor, 7 * SECOND));
    assert.deepEqual(nextTick(every(7), after(anchor, 7 * SECOND), anchor), after(anchor, 14 * SECOND));
    // The same ticks, whenever and on whichever instance they are computed.
    const late = after(anchor, 7000 * SECOND + 3);
    assert.deepEqual(nextTick(every(7), late, anchor), after(anchor, 7007 * SECOND));
    assert.deepEqual(nextTick(every(7), after(late, 6 * SECOND), anchor), after(anchor, 7007 * SECOND));
  });

  test('never ticks before its first, also under a clock that was put back', () => {
    assert.deepEqual(nextTick(every(60), after(anchor, -30 * DAY), anchor), after(anchor, MINUTE));
  });

  test('knows neither days nor clocks: a change of them moves nothing', () => {
    const day = ticks(every(86_400), '2026-03-28T01:30:00Z', 2);
    assert.deepEqual(day, ['2026-03-29T01:30:00Z', '2026-03-30T01:30:00Z']);
  });
});

describe('a cron expression', () => {
  const CASES: [expression: string, timeZone: string, from: string, expected: (string | null)[]][] = [
    ['*/20 * * * *', 'UTC', '2026-11-20T12:00:00Z', ['2026-11-20T12:20:00Z', '2026-11-20T12:40:00Z']],
    ['*/20 * * * * *', 'UTC', '2026-11-20T12:00:00Z', ['2026-11-20T12:00:20Z', '2026-11-20T12:00:40Z']],
    ['0 9 * * 1-5', 'UTC', '2026-11-20T09:00:00Z', ['2026-11-23T09:00:00Z', '2026-11-24T09:00:00Z']],
    ['0 9 * * MON', 'UTC', '2026-11-20T09:00:00Z', ['2026-11-23T09:00:00Z', '2026-11-30T09:00:00Z']],
    ['0 0 1 jan *', 'UTC', '2026-11-20T09:00:00Z', ['2027-01-01T00:00:00Z', '2028-01-01T00:00:00Z']],
    // Either of the two days, as cron has it.
    ['0 0 13 * 5', 'UTC', '2026-11-09T00:00:00Z', ['2026-11-13T00:00:00Z', '2026-11-20T00:00:00Z']],
    ['  0   6 * * *  ', 'UTC', '2026-11-20T12:00:00Z', ['2026-11-21T06:00:00Z']],
    ['0 6 * * *', 'Asia/Kathmandu', '2026-11-20T12:00:00Z', ['2026-11-21T00:15:00Z', '2026-11-22T00:15:00Z']],
    ['0 0 * * *', 'Pacific/Kiritimati', '2026-11-20T12:00:00Z', ['2026-11-21T10:00:00Z']],
    ['0 0 29 2 *', 'UTC', '2026-11-20T12:00:00Z', ['2028-02-29T00:00:00Z', '2032-02-29T00:00:00Z']],
    // 2100 is not a leap year.
    ['0 0 29 2 *', 'UTC', '2096-03-01T00:00:00Z', ['2104-02-29T00:00:00Z']],
    ['0 0 31 * *', 'UTC', '2026-01-31T00:00:00Z', ['2026-03-31T00:00:00Z', '2026-05-31T00:00:00Z']],
    ['0 0 30 2 *', 'UTC', '2026-11-20T12:00:00Z', [null]],
    ['0 0 31 4,6,9,11 *', 'UTC', '2026-11-20T12:00:00Z', [null]],
  ];
  for (const [expression, timeZone, from, expected] of CASES) {
    test(`${expression} (${timeZone}) after ${from}`, () => {
      assert.equal(timingFault(cron(expression, timeZone)), null);
      assert.deepEqual(ticks(cron(expression, timeZone), from, expected.length), expected);
    });
  }

  test('ticks after the time that is asked for, to the millisecond', () => {
    const minutely = cron('* * * * *');
    assert.deepEqual(next(minutely, '2026-11-20T12:00:59.999Z'), at('2026-11-20T12:01:00Z'));
    assert.deepEqual(next(minutely, '2026-11-20T12:01:00.000Z'), at('2026-11-20T12:02:00Z'));
  });

  /** From an hour or two before a change of clocks. */
  const CHANGES: Record<string, [timeZone: string, from: string, expected: Record<string, string[]>]> = {
    // 02:00 to 03:00 local time do not exist.
    'Berlin, forward': [
      'Europe/Berlin',
      '2026-03-28T22:00:00Z',
      {
        '0 2 * * *': ['2026-03-29T01:00:00Z', '2026-03-30T00:00:00Z'],
        '30 2 * * *': ['2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z'],
        '0 3 * * *': ['2026-03-29T01:00:00Z', '2026-03-30T01:00:00Z'],
        '30 1 * * *': ['2026-03-29T00:30:00Z', '2026-03-29T23:30:00Z'],
        '15 1,2 * * *': ['2026-03-29T00:15:00Z', '2026-03-29T23:15:00Z', '2026-03-30T00:15:00Z'],
        '0 * * * *': ['2026-03-28T23:00:00Z', '2026-03-29T00:00:00Z', '2026-03-29T01:00:00Z', '2026-03-29T02:00:00Z'],
      },
    ],
    // 02:00 to 03:00 come twice.
    'Berlin, back': [
      'Europe/Berlin',
      '2026-10-24T22:00:00Z',
      {
        '30 2 * * *': ['2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
        '0 3 * * *': ['2026-10-25T02:00:00Z', '2026-10-26T02:00:00Z'],
        '0 * * * *': ['2026-10-24T23:00:00Z', '2026-10-25T00:00:00Z', '2026-10-25T01:00:00Z', '2026-10-25T02:00:00Z'],
        '*/30 2 * * *': [
          '2026-10-25T00:00:00Z',
          '2026-10-25T00:30:00Z',
          '2026-10-25T01:00:00Z',
          '2026-10-25T01:30:00Z',
        ],
      },
    ],
    'St. John’s, forward': [
      'America/St_Johns',
      '2026-03-08T03:31:00Z',
      {
        '30 2 * * *': ['2026-03-08T05:30:00Z', '2026-03-09T05:00:00Z'],
        '0 * * * *': ['2026-03-08T04:30:00Z', '2026-03-08T05:30:00Z', '2026-03-08T06:30:00Z'],
      },
    ],
    // 01:00 to 02:00 come twice.
    'St. John’s, back': [
      'America/St_Johns',
      '2026-11-01T02:31:00Z',
      {
        '30 1 * * *': ['2026-11-01T04:00:00Z', '2026-11-02T05:00:00Z'],
        '30 2 * * *': ['2026-11-01T06:00:00Z', '2026-11-02T06:00:00Z'],
        '0 * * * *': ['2026-11-01T03:30:00Z', '2026-11-01T04:30:00Z', '2026-11-01T05:30:00Z', '2026-11-01T06:30:00Z'],
      },
    ],
  };
  for (const [name, [timeZone, from, expected]] of Object.entries(CHANGES)) {
    for (const [expression, wanted] of Object.entries(expected)) {
      test(`clocks change (${name}): ${expression}`, () => {
        assert.deepEqual(ticks(cron(expression, timeZone), from, wanted.length), wanted);
      });
    }
  }

  const RUBBISH = [
    ...['', '   ', '@daily', '@reboot', ' @hourly ', '* * * *', '* * * * * * *', '2026-11-20T12:00:00'],
    ...['2026-11-20 12:00:00 0 0 0', 'a b c d e', '60 * * * *', '* 24 * * *', '* * 0 * *', '* * 32 * *', '* * * 13 *'],
    ...['* * * * 8', '60 * * * * *', '-1 * * * *', '*/0 * * * *', '5-1 * * * *', '1,,2 * * * *', '0x1 * * * *'],
    ...['1e1 * * * *', '* * * * *\u0000', '＊ * * * *', '* * * * @x'],
  ];
  test('is refused where it is none, at its place', () => {
    for (const expression of RUBBISH) {
      assert.equal(timingFault(cron(expression))?.path, '/timing/expression', JSON.stringify(expression));
    }
    for (const timeZone of ['', 'Mars/Phobos', 'Europe/Berlin ', '__proto__', 'Z', 'Europe']) {
      assert.equal(timingFault(cron('0 0 * * *', timeZone))?.path, '/timing/timeZone', JSON.stringify(timeZone));
    }
    assert.equal(timingFault(every(1)), null);
    assert.equal(timingFault(sun('sunrise')), null);
  });
});

describe('the sun', () => {
  /** Times of the solar calculator of the NOAA, in UTC; it agrees with printed tables to the minute. */
  const TABLES: Record<string, { place: typeof BERLIN; midnight: string; times: Record<SolarEvent, string | null> }> = {
    'Berlin, in midwinter': {
      place: BERLIN,
      midnight: '2026-12-21T00:00:00Z',
      times: {
        dawn_astronomical: '05:07',
        dawn_nautical: '05:49',
        dawn_civil: '06:33',
        sunrise: '07:15',
        solar_noon: '11:04',
        sunset: '14:54',
        dusk_civil: '15:36',
        dusk_nautical: '16:20',
        dusk_astronomical: '17:02',
      },
    },
    'Berlin, in midsummer, when it never gets quite dark': {
      place: BERLIN,
      midnight: '2026-06-21T00:00:00Z',
      times: {
        dawn_astronomical: null,
        dawn_nautical: '00:29',
        dawn_civil: '01:53',
        sunrise: '02:43',
        solar_noon: '11:08',
        sunset: '19:33',
        dusk_civil: '20:24',
        dusk_nautical: '21:47',
        dusk_astronomical: null,
      },
    },
    'the equator, at the equinox': {
      place: { latitude: 0, longitude: 0 },
      midnight: '2026-03-20T00:00:00Z',
      times: {
        dawn_astronomical: '04:56',
        dawn_nautical: '05:20',
        dawn_civil: '05:44',
        sunrise: '06:04',
        solar_noon: '12:07',
        sunset: '18:11',
        dusk_civil: '18:31',
        dusk_nautical: '18:55',
        dusk_astronomical: '19:19',
      },
    },
  };
  for (const [name, { place, midnight, times }] of Object.entries(TABLES)) {
    test(name, () => {
      assert.deepEqual(Object.keys(times).sort(), [...SOLAR_EVENTS].sort());
      for (const [event, time] of Object.entries(times) as [SolarEvent, string | null][]) {
        const tick = next(sun(event, place), midnight);
        assert.ok(tick, event);
        if (time === null) assert.ok(tick > after(at(midnight), 30 * DAY), `${event}: ${tick.toISOString()}`);
        else assertNear(tick, `${midnight.slice(0, 10)}T${time}:00Z`, event);
        assert.equal(tick.getTime() % SECOND, 0, 'to the second');
      }
    });
  }

  test('comes once a day, at every longitude', () => {
    for (const longitude of [-180, -179.9, -120, 0, 120, 179.9, 180]) {
      const found = ticks(sun('sunrise', { latitude: 10, longitude }), '2026-06-01T00:00:00Z', 10).map((tick) =>
        at(tick ?? ''),
      );
      for (const [i, tick] of found.entries()) {
        const before = found[i - 1];
        if (before) assert.ok(Math.abs(tick.getTime() - before.getTime() - DAY) < MINUTE, `${longitude}, day ${i}`);
      }
    }
  });

  test('Tromsø: after the polar night the next sunrise is months away, and so is the next sunset in summer', () => {
    assertNear(next(sun('sunrise', TROMSO), '2026-11-28T00:00:00Z'), '2027-01-15T10:35:00Z', 'sunrise');
    assertNear(next(sun('sunset', TROMSO), '2026-05-18T00:00:00Z'), '2026-07-26T22:13:24Z', 'sunset');
    assertNear(next(sun('sunrise', TROMSO), '2026-05-17T12:00:00Z'), '2026-07-25T23:04:37Z', 'sunrise');
    // Noon also occurs while the sun is below the horizon.
    assertNear(next(sun('solar_noon', TROMSO), '2026-12-21T00:00:00Z'), '2026-12-21T10:42:13Z', 'noon');
  });

  test('at the poles, what never comes is null', () => {
    for (const latitude of [90, -90]) {
      for (const event of SOLAR_EVENTS) {
        const [tick = null] = ticks(sun(event, { latitude, longitude: 0 }), '2026-01-01T00:00:00Z', 1);
        assert.equal(tick === null, event !== 'solar_noon', `${event} at ${latitude}: ${tick}`);
      }
    }
  });
});

describe('the next run', () => {
  const createdAt = at('2026-11-20T12:00:00.000Z');
  const whole = { timing: cron('0 * * * *'), startAt: null, endAt: null, createdAt };

  test('is the next tick within its time, whose ends belong to it', () => {
    assert.deepEqual(nextRun(whole, createdAt), at('2026-11-20T13:00:00Z'));
    assert.deepEqual(nextRun({ ...whole, startAt: at('2026-11-20T15:00:00Z') }, createdAt), at('2026-11-20T15:00:00Z'));
    assert.deepEqual(
      nextRun({ ...whole, startAt: at('2026-11-20T15:00:00.001Z') }, createdAt),
      at('2026-11-20T16:00:00Z'),
    );
    assert.deepEqual(nextRun({ ...whole, endAt: at('2026-11-20T13:00:00Z') }, createdAt), at('2026-11-20T13:00:00Z'));
    assert.equal(nextRun({ ...whole, endAt: at('2026-11-20T12:59:59.999Z') }, createdAt), null);
    assert.equal(nextRun({ ...whole, endAt: createdAt }, createdAt), null);
    // A start in the past has no effect.
    assert.deepEqual(nextRun({ ...whole, startAt: after(createdAt, -DAY) }, createdAt), at('2026-11-20T13:00:00Z'));
  });

  test('of an interval: one interval after it was made, or at its start, and from there on', () => {
    const timing = every(90);
    assert.deepEqual(nextRun({ ...whole, timing }, createdAt), after(createdAt, 90 * SECOND));
    const startAt = after(createdAt, DAY);
    const starts = { ...whole, timing, startAt };
    assert.deepEqual(nextRun(starts, createdAt), startAt);
    assert.deepEqual(nextRun(starts, after(startAt, -1)), startAt);
    assert.deepEqual(nextRun(starts, startAt), after(startAt, 90 * SECOND));
    assert.deepEqual(nextRun({ ...starts, endAt: startAt }, createdAt), startAt);
    assert.equal(nextRun({ ...starts, endAt: startAt }, startAt), null);
  });

  test('is null where it never comes', () => {
    assert.equal(nextRun({ ...whole, timing: cron('0 0 30 2 *') }, createdAt), null);
    assert.equal(nextRun({ ...whole, timing: sun('sunrise', { latitude: 90, longitude: 0 }) }, createdAt), null);
  });
});

/** Within three minutes: refraction differs more than that between two days. */
function assertNear(tick: Date | null, wanted: string, what: string): void {
  const apart = tick === null ? Number.POSITIVE_INFINITY : Math.abs(tick.getTime() - at(wanted).getTime());
  assert.ok(apart <= 3 * MINUTE, `${what}: ${tick?.toISOString()} instead of ${wanted}`);
}
