import type { Logger } from 'pino';
import { after, type Clock, MINUTE, SECOND } from '../../platform/clock.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';
import type { EventStore, PendingEvent } from './event-store.ts';
import { type Events, GIVE_UP_AFTER } from './events.ts';

export interface Relay {
  /** Starts to look for work. */
  start(): void;
  /** Looks at once, because something was just committed. */
  wake(): void;
  /** Delivers due events until there are none; returns the number of attempted deliveries. */
  deliverDue(): Promise<number>;
  /** Ends after the running deliveries. */
  stop(): Promise<void>;
}

/** Lifetime of a claim, extended while a handler works: after a crash another relay takes over within this time. */
const CLAIM = 15 * SECOND;
const RENEW_EVERY = 5 * SECOND;
/** For commits of other processes, and for leftovers of a crash. */
const LOOK_EVERY = 1 * SECOND;
const BATCH = 32;
const LONGEST_PAUSE = 5 * MINUTE;

/** Delivers committed events to their handlers: at least once, in order for each target, by whichever instance claims them first. */
export function createRelay(deps: { store: EventStore; events: Events; clock: Clock; log: Logger }): Relay {
  const { store, events, clock, log } = deps;
  const outage = createOutageLog(log, 'the delivery of events');
  const sweeping = createOutageLog(log, 'moving events that were left in their documents');
  let running: Promise<number> | null = null;
  let again = false;
  let started = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  async function deliver(event: PendingEvent): Promise<void> {
    let claimedUntil = after(clock(), CLAIM);
    if (!(await store.claim(event.id, event.dueAt, claimedUntil))) return;
    const renewal = setInterval(() => {
      const until = after(clock(), CLAIM);
      store.claim(event.id, claimedUntil, until).then(
        (held) => {
          if (held) claimedUntil = until;
        },
        () => {},
      );
    }, RENEW_EVERY);
    const handled = [...event.handled];
    try {
      for (const handler of events.handlersOf(event.type)) {
        if (handled.includes(handler.name)) continue;
        await handler.handle(event);
        handled.push(handler.name);
      }
      clearInterval(renewal);
      await store.settle(event.id, claimedUntil);
    } catch (error) {
      clearInterval(renewal);
      await giveBack(event, claimedUntil, handled, error);
    }
  }

  async function giveBack(event: PendingEvent, claimedUntil: Date, handled: string[], error: unknown): Promise<void> {
    const attempts = event.attempts + 1;
    const context = { err: error, eventId: event.id, eventType: event.type, attempts };
    if (clock().getTime() - event.at.getTime() > GIVE_UP_AFTER) {
      log.error(context, 'an event could not be delivered and is not tried again');
      await store.settle(event.id, claimedUntil);
      return;
    }
    log.warn(context, 'an event could not be delivered; it will be retried');
    const pause = Math.min(SECOND * 2 ** Math.min(attempts, 20), LONGEST_PAUSE);
    await store.postpone(event.id, claimedUntil, { dueAt: after(clock(), pause), attempts, handled });
  }

  async function drain(): Promise<number> {
    const types = events.handledTypes();
    let tried = 0;
    for (;;) {
      again = false;
      // Never types of a newer version, whose instances run beside this one during an update: they must not fill the batch.
      const due = types.length === 0 ? [] : await store.due(clock(), BATCH, types);
      await Promise.all(due.map(deliver));
      tried += due.length;
      if (stopped || (due.length === 0 && !again)) return tried;
    }
  }

  function look(): Promise<number> {
    again = true;
    running ??= drain().finally(() => {
      running = null;
      // A wake-up between the last look and here must not be lost.
      if (again && !stopped) void look().catch(() => {});
    });
    return running;
  }

  // One document that cannot be drained must not delay everything else.
  const sweep = () => store.sweep().then(sweeping.worked, sweeping.failed);

  async function sweepAndLook(): Promise<number> {
    await sweep();
    return look();
  }

  function lookAndWait(): void {
    clearTimeout(timer);
    if (stopped) return;
    looking = sweep()
      // A relay that is stopped meanwhile delivers nothing more.
      .then(() => (stopped ? 0 : look()))
      .then(outage.worked, outage.failed)
      .finally(() => {
        clearTimeout(timer);
        if (!stopped) timer = setTimeout(lookAndWait, LOOK_EVERY).unref();
      });
  }

  return {
    start() {
      started = true;
      lookAndWait();
    },
    wake: () => {
      if (started && !stopped) look().catch(() => {});
    },
    deliverDue: sweepAndLook,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await looking;
      await running?.catch(() => {});
    },
  };
}

/** The relays of several databases as one. */
export function joinRelays(relays: readonly Relay[]): Relay {
  const [only] = relays;
  if (only !== undefined && relays.length === 1) return only;
  return {
    start() {
      for (const relay of relays) relay.start();
    },
    wake() {
      for (const relay of relays) relay.wake();
    },
    async deliverDue() {
      let tried = 0;
      // A handler of one database's event may write an event into another.
      for (let some = 1; some > 0; tried += some) {
        some = 0;
        for (const relay of relays) some += await relay.deliverDue();
      }
      return tried;
    },
    async stop() {
      await Promise.all(relays.map((relay) => relay.stop()));
    },
  };
}
