import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pino } from 'pino';
import { type FreshDatabase, PATIENCE, testDatabases } from '../../../test/databases.ts';
import { makeSession, NOW } from '../../../test/fixtures.ts';
import { openStorage } from '../../open-storage.ts';
import { after, DAY, MINUTE, SECOND } from '../../platform/clock.ts';
import { connectDatabase } from '../../platform/database/database.ts';
import { migratorFor } from '../../start.ts';
import type { EventRecord } from './event-store.ts';
import { createEvents } from './events.ts';
import { createRelay } from './relay.ts';

const log = pino({ level: 'silent' });

/** A store with two relays over it, as two instances have them. */
async function setUp({ url }: FreshDatabase) {
  const time = { now: NOW };
  const clock = () => time.now;
  const database = await connectDatabase({ url, poolSize: 10, slowQuery: 60_000, log, patience: PATIENCE });
  await (await migratorFor(database)).up();
  const { events: store, sessions } = openStorage(database, { onCommit: () => {} });
  const events = createEvents({ clock });
  const relays = [createRelay({ store, events, clock, log }), createRelay({ store, events, clock, log })] as const;

  /** A session with its first event, and what ends it with a second. */
  async function startAndEnd(starting = events, ending = events) {
    const session = makeSession();
    const about = { target: `session:${session.id}`, userId: session.userId };
    await sessions.create(session, starting.describe(null, { type: 'session.started', ...about }));
    const ended = { endedAt: clock(), endReason: 'signed_out' };
    await sessions.end(session, ended, ending.describe(null, { type: 'session.ended', ...about }));
    return about.target;
  }
  const newerEvents = createEvents({ clock });
  const newerRelay = createRelay({ store, events: newerEvents, clock, log });
  return { time, database, events, relays, startAndEnd, newerEvents, newerRelay };
}

for (const { name, freshUrl } of testDatabases()) {
  const withTwoRelays = (run: (t: Awaited<ReturnType<typeof setUp>>) => Promise<void>) => async () => {
    const fresh = await freshUrl();
    const t = await setUp(fresh);
    try {
      await run(t);
    } finally {
      for (const relay of t.relays) await relay.stop();
      await t.database.close();
      await fresh.drop();
    }
  };

  describe(`the relay on ${name}`, () => {
    test(
      'delivers each event once, in order for each target, whichever of two relays is faster',
      withTwoRelays(async ({ events, relays, startAndEnd }) => {
        const seen: string[] = [];
        const note = async (event: EventRecord) => void seen.push(`${event.target} ${event.seq}`);
        events.on('session.started', 'note', note);
        events.on('session.ended', 'note', note);
        const targets = await Promise.all(Array.from({ length: 20 }, () => startAndEnd()));
        await Promise.all(relays.map((relay) => relay.deliverDue()));
        for (const relay of relays) await relay.deliverDue();
        assert.deepEqual([...seen].sort(), targets.flatMap((target) => [`${target} 1`, `${target} 2`]).sort());
        for (const target of targets) assert.ok(seen.indexOf(`${target} 1`) < seen.indexOf(`${target} 2`), target);
      }),
    );

    test(
      'tries again later what failed, without the handlers that were done, and holds up only that target',
      withTwoRelays(async ({ time, events, relays: [relay], startAndEnd }) => {
        const seen: string[] = [];
        let broken = true;
        const handle = (what: string) => async (event: EventRecord) => void seen.push(`${what} ${event.seq}`);
        events.on('session.started', 'first', handle('first'));
        events.on('session.started', 'second', async (event) => {
          if (broken) throw new Error('broken');
          await handle('second')(event);
        });
        events.on('session.ended', 'end', handle('end'));
        await startAndEnd();
        await relay.deliverDue();
        await relay.deliverDue();
        assert.deepEqual(seen, ['first 1']);
        broken = false;
        await relay.deliverDue();
        assert.deepEqual(seen, ['first 1'], 'not before its pause is over');
        time.now = after(time.now, 2 * SECOND);
        await relay.deliverDue();
        assert.deepEqual(seen, ['first 1', 'second 1', 'end 2']);
        await relay.deliverDue();
        assert.equal(seen.length, 3);
      }),
    );

    test(
      'takes over what a killed relay had claimed, once the claim has run out',
      withTwoRelays(async ({ time, events, relays: [killed, other], startAndEnd }) => {
        let deliveries = 0;
        let release = () => {};
        const stuck = new Promise<void>((resolve) => {
          release = resolve;
        });
        events.on('session.started', 'work', async () => {
          deliveries += 1;
          if (deliveries === 1) await stuck;
        });
        await startAndEnd();
        const hanging = killed.deliverDue();
        while (deliveries === 0) await new Promise((resolve) => setImmediate(resolve));
        await other.deliverDue();
        assert.equal(deliveries, 1);
        time.now = after(time.now, 16 * SECOND);
        await other.deliverDue();
        assert.equal(deliveries, 2);
        release();
        await hanging;
        await other.deliverDue();
        assert.equal(deliveries, 2);
      }),
    );

    test(
      'leaves events that only a newer version can handle to it, however many there are',
      withTwoRelays(async ({ events, relays: [relay], startAndEnd, newerEvents, newerRelay }) => {
        const seen = { started: 0, ended: 0 };
        events.on('session.ended', 'end', async () => {
          seen.ended += 1;
        });
        newerEvents.on('session.started', 'announce', async () => {
          seen.started += 1;
        });
        for (let i = 0; i < 40; i++) await startAndEnd(newerEvents, events);
        await relay.deliverDue();
        assert.equal(seen.ended, 0, 'what comes first for a target is delivered first');
        await newerRelay.deliverDue();
        assert.equal(seen.started, 40);
        await relay.deliverDue();
        assert.equal(seen.ended, 40);
      }),
    );

    test(
      'gives up after three days, so that the target goes on',
      withTwoRelays(async ({ time, events, relays: [relay], startAndEnd }) => {
        const ended: number[] = [];
        let tries = 0;
        events.on('session.started', 'work', async () => {
          tries += 1;
          throw new Error('never');
        });
        events.on('session.ended', 'end', async ({ seq }) => void ended.push(seq));
        await startAndEnd();
        for (let days = 0; days < 4; days++) {
          await relay.deliverDue();
          time.now = after(time.now, DAY + MINUTE);
        }
        await relay.deliverDue();
        assert.equal(tries, 4);
        assert.deepEqual(ended, [2]);
      }),
    );
  });
}
