import { type Clock, HOUR, SECOND } from '../../platform/clock.ts';
import type { Counters } from '../../platform/limits/counters.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import type { EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';

/** A sign-in as this module looks at it. */
export interface SignInTry {
  loginKey: string;
  /** Of the password; `passwordFingerprint`. */
  fingerprint: string;
}

export interface AttackWatch {
  /** `sprayed`: this password is tried at many accounts. `attack`: many accounts are tried, far more than people get in. */
  suspicion(fingerprint: string): Promise<'sprayed' | 'attack' | null>;
  failed(tried: SignInTry): Promise<void>;
  passed(): Promise<void>;
}

/** Seconds over which is counted. */
const WINDOW = 600;
/** At so many accounts one wrong password is tried: nobody has so many, and what many people mistype differs. */
const SPRAYED_AT = 10;
/** With fewer accounts failing it is a busy morning, whatever the share of those who get in. */
const LEAST_FAILING = 100;
/** So many accounts fail for one that gets in. */
const FAILING_SHARE = 3;
const LOOK_AGAIN = SECOND;

/** Notices guessing that spreads over many accounts and many clients, where no single one is tried often. */
export function createAttackWatch(deps: {
  counters: Counters;
  events: Events;
  eventStore: EventStore;
  clock: Clock;
  log: Logger;
}): AttackWatch {
  const { counters, events, eventStore, clock, log } = deps;
  const seenOfPassword = counters({ name: 'guess-password-account', points: 1, duration: WINDOW });
  const accountsOfPassword = counters({ name: 'guess-password', points: SPRAYED_AT, duration: WINDOW });
  const seenFailing = counters({ name: 'guess-account', points: 1, duration: WINDOW });
  // Without an end: a counter that is over is not counted on, and would look small beside a large number of people who get in.
  const endless = { points: Number.MAX_SAFE_INTEGER, duration: WINDOW };
  const failing = counters({ name: 'guess-failing', ...endless });
  const passing = counters({ name: 'guess-passing', ...endless });
  /** Of the last event, whoever wrote it. */
  let toldHour = Number.NaN;
  let known = { at: Number.NEGATIVE_INFINITY, attack: false };

  async function isAttack(): Promise<boolean> {
    if (performance.now() - known.at < LOOK_AGAIN) return known.attack;
    const [failed, passed] = await Promise.all([failing.used('all'), passing.used('all')]);
    const attack = failed >= LEAST_FAILING && failed >= passed * FAILING_SHARE;
    known = { at: performance.now(), attack };
    if (attack) await tell({ failing: failed, passing: passed });
    return attack;
  }

  /** One event an hour, whichever instance notices. */
  async function tell(data: Record<string, number>): Promise<void> {
    const hour = Math.floor(clock().getTime() / HOUR);
    if (hour === toldHour) return;
    const event = events.describe(null, { type: 'security.guessing_noticed', target: 'security:guessing', data });
    try {
      if (await eventStore.record(event, hour)) log.warn(data, 'many accounts are being guessed at');
      toldHour = hour;
    } catch (error) {
      log.warn({ err: error, ...data }, 'many accounts are being guessed at, and the history could not be told');
    }
  }

  return {
    async suspicion(fingerprint) {
      const [sprayed, attack] = await Promise.all([accountsOfPassword.used(fingerprint), isAttack()]);
      if (sprayed >= SPRAYED_AT) return 'sprayed';
      return attack ? 'attack' : null;
    },

    async failed({ loginKey, fingerprint }) {
      const [ofPassword, ofAccount] = await Promise.all([
        seenOfPassword.add(`${fingerprint} ${loginKey}`),
        seenFailing.add(loginKey),
      ]);
      if (!ofPassword.isOver) await accountsOfPassword.add(fingerprint);
      if (!ofAccount.isOver) await failing.add('all');
    },

    async passed() {
      await passing.add('all');
    },
  };
}
