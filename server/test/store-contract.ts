import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { EventDraft, EventRecord } from '../src/modules/events/event-store.ts';
import type { Storage } from '../src/storage.ts';
import { recordOf } from './fixtures.ts';

/** The stores over a migrated database of their own, which holds nothing else. */
export interface OpenStorage {
  storage: Storage;
  /** What `onCommit` was told so far, in order. */
  committed: EventDraft[];
  /** Called inside `onCommit` as well, while it is set. */
  watcher: ((event: EventDraft) => void) | null;
  /** Runs `work` while the database itself refuses every event that is written into the history. */
  withoutEvents<T>(work: () => Promise<T>): Promise<T>;
  /** Gives the database back; whatever was written to it is gone. */
  close(): Promise<void>;
}

export type Open = () => Promise<OpenStorage>;
/** Registers the tests that every adapter of one store must pass. */
export type StoreContract = (open: Open) => void;

const CALLERS = 50;
/** Each round races anew; `storage.long.test.ts` takes many. */
const ROUNDS = Number(process.env.RACE_ROUNDS || 1);
/** Milliseconds for one test, far above what any needs: only a hang meets it. */
const TEST_LIMIT = 300_000;

/** The tests of one store, over one database that they share: each makes records of its own. */
export function describeStore(name: string, open: Open, register: (opened: () => OpenStorage) => void): void {
  describe(name, { timeout: TEST_LIMIT }, () => {
    let shared: OpenStorage | null = null;
    before(async () => {
      shared = await open();
    });
    after(() => shared?.close());
    register(() => {
      assert.ok(shared, 'the database is open');
      return shared;
    });
  });
}

/** Runs `work` over a database that nothing else has written to. */
export async function onFresh(open: Open, work: (opened: OpenStorage) => Promise<void>): Promise<void> {
  const fresh = await open();
  try {
    await work(fresh);
  } finally {
    await fresh.close();
  }
}

/** A named race: `round` runs as often as RACE_ROUNDS says (1). */
export function itRaces(name: string, round: (round: number) => Promise<void>): void {
  it(`race: ${name}`, async () => {
    assert.ok(Number.isInteger(ROUNDS) && ROUNDS > 0, 'RACE_ROUNDS is a positive number');
    for (let i = 0; i < ROUNDS; i++) await round(i);
  });
}

export interface Race<Entry, Outcome> {
  all: { entry: Entry; outcome: Outcome }[];
  /** How many callers met which outcome. */
  tally: Record<string, number>;
}

/** Lets 50 callers loose at once, each with an entry of its own. All must get an answer. */
export async function race<Entry, Outcome>(
  enter: (caller: number) => Entry,
  call: (entry: Entry) => Promise<Outcome>,
): Promise<Race<Entry, Outcome>> {
  const entries = Array.from({ length: CALLERS }, (_, caller) => enter(caller));
  const outcomes = await Promise.all(entries.map(call));
  const all = outcomes.flatMap((outcome, i) => entries.slice(i, i + 1).map((entry) => ({ entry, outcome })));
  const tally: Record<string, number> = {};
  for (const outcome of outcomes) tally[String(outcome)] = (tally[String(outcome)] ?? 0) + 1;
  return { all, tally };
}

/** Checks that one caller met `win` and every other `loss`; gives the winner's entry. */
export function theWinner<Entry, Outcome>({ all, tally }: Race<Entry, Outcome>, win: Outcome, loss: Outcome): Entry {
  assert.deepEqual(tally, { [String(win)]: 1, [String(loss)]: CALLERS - 1 });
  const winner = all.find(({ outcome }) => outcome === win);
  assert.ok(winner);
  return winner.entry;
}

/** Every position of the feed at which `target` was evicted. */
export async function evictionsOf({ storage }: OpenStorage, target: string): Promise<number[]> {
  const feed = await storage.events.evictionsAfter(0, 1_000_000);
  return feed.filter((eviction) => eviction.target === target).map(({ position }) => position);
}

const END_OF_TIME = new Date('2200-01-01T00:00:00.000Z');

async function isWaiting({ storage }: OpenStorage, target: string): Promise<boolean> {
  const due = await storage.events.due(END_OF_TIME, 1_000_000);
  return due.some((event) => event.target === target);
}

/**
 * Checks that the target's whole history is `events` (in order, `seq` from 1), that each was told to `onCommit` once, and
 * that the feed and the relay's list hold what the drafts ask for.
 */
export async function assertHistory(opened: OpenStorage, target: string, events: EventDraft[]): Promise<void> {
  const expected: EventRecord[] = events.map((event, i) => recordOf(event, i + 1));
  assert.deepEqual(await opened.storage.events.listForTarget(target), expected);
  assert.deepEqual(
    opened.committed.filter((event) => event.target === target),
    events,
    'onCommit is told of each change once, in order',
  );
  assert.equal((await evictionsOf(opened, target)).length, events.filter((event) => event.evicts).length, 'evictions');
  assert.equal(
    await isWaiting(opened, target),
    events.some((event) => event.pending),
    'something waits for the relay',
  );
}
