import { setImmediate as turn } from 'node:timers/promises';
import type { Logger } from 'pino';
import { after, type Clock, SECOND } from '../../platform/clock.ts';
import { leastId } from '../../platform/ids.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';
import type { CommittedEvent } from '../../platform/websocket/topic.ts';

/** What the feed reads; the store of events. */
export interface CommittedEvents {
  /** The oldest first by id, after the event `after`. */
  listAfter(after: string, limit: number): Promise<CommittedEvent[]>;
}

export interface EventFeed {
  start(): void;
  stop(): void;
  /** Something was committed somewhere: reads soon. */
  wake(): void;
}

/** For commits of other instances of which nobody told us. */
const READ_EVERY = SECOND;
/** Between two reads that commits wake. */
const LEAST_PAUSE = 30;
const BATCH = 500;
/** Events after which others have their turn. */
const TURN = 20;
/**
 * An event's id is made before its transaction commits, by the clock of its instance: what is older than what was read may still appear. Reads that a
 * commit wakes look a little back, those of every second as long as a statement may take and clocks differ.
 */
const SHORT_OVERLAP = 300;
const OVERLAP = 10 * SECOND;

/** Reads what any instance commits, in the order of ids, each event once. Nothing is read before `start` and after `stop`. */
export function createEventFeed(deps: {
  store: CommittedEvents;
  onEvent: (event: CommittedEvent) => void;
  clock: Clock;
  log: Logger;
}): EventFeed {
  const { store, onEvent, clock, log } = deps;
  const outage = createOutageLog(log, 'reading events for WebSockets');
  let startedAt: Date | null = null;
  let seen = new Map<string, number>();
  let reading: Promise<void> | null = null;
  let again = false;
  let timer: NodeJS.Timeout | undefined;
  let waking: NodeJS.Timeout | undefined;

  async function read(overlap: number): Promise<void> {
    const begun = startedAt;
    if (begun === null) return;
    const now = clock();
    const from = new Date(Math.max(begun.getTime(), after(now, -overlap).getTime()));
    let position = leastId(from);
    let told = 0;
    for (;;) {
      const events = await store.listAfter(position, BATCH);
      if (startedAt !== begun) return;
      for (const event of inTurn(events)) {
        if (seen.has(event.id)) continue;
        seen.set(event.id, event.at.getTime());
        onEvent(event);
        told += 1;
        // An event may be for thousands of followers: requests have their turn in between.
        if (told % TURN === 0) await turn();
      }
      position = events.at(-1)?.id ?? position;
      if (events.length < BATCH) break;
    }
    const oldest = after(now, -2 * OVERLAP).getTime();
    if (overlap === OVERLAP) seen = new Map([...seen].filter(([, at]) => at >= oldest));
  }

  function readNow(overlap: number): Promise<void> {
    if (reading !== null) {
      again = true;
      return reading;
    }
    reading = read(overlap)
      .then(outage.worked, outage.failed)
      .finally(() => {
        reading = null;
        if (again) wake();
        again = false;
      });
    return reading;
  }

  function wake(): void {
    if (startedAt === null || waking !== undefined) return;
    waking = setTimeout(() => {
      waking = undefined;
      void readNow(SHORT_OVERLAP);
    }, LEAST_PAUSE).unref();
  }

  function loop(): void {
    timer = setTimeout(() => {
      void readNow(OVERLAP).finally(() => {
        if (startedAt !== null) loop();
      });
    }, READ_EVERY).unref();
  }

  return {
    start() {
      if (startedAt !== null) return;
      startedAt = clock();
      loop();
    },
    stop() {
      startedAt = null;
      seen.clear();
      clearTimeout(timer);
      clearTimeout(waking);
      waking = undefined;
    },
    wake,
  };
}

/** The events of one target in the order of its versions: the clocks of several instances order ids only roughly. */
function inTurn(events: readonly CommittedEvent[]): CommittedEvent[] {
  const byTarget = new Map<string, CommittedEvent[]>();
  for (const event of events) byTarget.set(event.target, [...(byTarget.get(event.target) ?? []), event]);
  for (const own of byTarget.values()) own.sort((a, b) => (a.version ?? 0) - (b.version ?? 0));
  return events.map(({ target }) => byTarget.get(target)?.shift()).filter((event) => event !== undefined);
}
