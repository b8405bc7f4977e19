import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { hasOwnRedis, whenReady, withOwnRedis } from '../../../test/own-redis.ts';
import { atOnce, type Scene, withScene } from '../../../test/scenario.ts';
import { HOUR } from '../../platform/clock.ts';
import { createKeyedHash } from '../../platform/crypto/keyed-hash.ts';
import { type Counters, createCounters } from '../../platform/limits/counters.ts';
import { connectRedis } from '../../platform/redis/connect.ts';
import { createLog } from '../../platform/telemetry/log.ts';
import { createEvents } from '../events/events.ts';
import { type AttackWatch, createAttackWatch } from './attack-watch.ts';
import { passwordFingerprint } from './names.ts';

/** Milliseconds for which a watch trusts what it last saw. */
const LOOKS_AGAIN = 1050;
const KEYED_HASH = createKeyedHash(Buffer.from('of the tests'));
const print = (password: string) => passwordFingerprint(KEYED_HASH, password);
const NAME = 'security.guessing_noticed';

function watchOf(s: Scene, counters: Counters): AttackWatch {
  return createAttackWatch({
    counters,
    eventStore: s.app.storage.events,
    events: createEvents({ clock: () => s.time.now }),
    clock: () => s.time.now,
    log: createLog({ ...s.config.log, level: 'silent' }),
  });
}

const withWatch = (run: (watch: AttackWatch, s: Scene, counters: Counters) => Promise<void>) =>
  withScene(async (s) => {
    const counters = createCounters(null, KEYED_HASH);
    await run(watchOf(s, counters), s, counters);
  });

const fail = (watch: AttackWatch, accounts: number, from = 0) =>
  atOnce(accounts, (i) => watch.failed({ loginKey: `person${from + i}`, fingerprint: `guess ${from + i}` }));
const pass = (watch: AttackWatch, people: number) => atOnce(people, () => watch.passed());

const notices = ({ app }: Scene): Promise<number> => app.storage.events.count({ type: NAME }, 100);

test('a password that failed at ten accounts is sprayed; others are not, and one account does not count twice', () =>
  withWatch(async (watch) => {
    const fingerprint = print('Summer2026!');
    for (let i = 0; i < 9; i++) await watch.failed({ loginKey: `person${i}`, fingerprint });
    for (let i = 0; i < 50; i++) await watch.failed({ loginKey: 'person0', fingerprint });
    assert.equal(await watch.suspicion(fingerprint), null);
    await watch.failed({ loginKey: 'person9', fingerprint });
    assert.equal(await watch.suspicion(fingerprint), 'sprayed');
    assert.equal(await watch.suspicion('Summer2026'), null);
  }));

test('spellings that NFKC makes one password are one', () =>
  withWatch(async (watch) => {
    await atOnce(10, (i) =>
      watch.failed({ loginKey: `person${i}`, fingerprint: print(i % 2 ? 'ｓｐring\u00e9' : 'springe\u0301') }),
    );
    assert.equal(await watch.suspicion(print('spring\u00e9')), 'sprayed');
  }));

test('a hundred failing accounts, and three for each that gets in, are an attack', () =>
  withScene(async (s) => {
    for (const [failing, passing, expected] of [
      [99, 0, null],
      [100, 0, 'attack'],
      [100, 33, 'attack'],
      [100, 34, null],
      [300, 100, 'attack'],
      [299, 100, null],
    ] as const) {
      const watch = watchOf(s, createCounters(null, KEYED_HASH));
      await fail(watch, failing);
      await pass(watch, passing);
      assert.equal(await watch.suspicion('whatever'), expected, `${failing} failing, ${passing} passing`);
    }
  }));

test('one account that fails a thousand times is no attack', () =>
  withWatch(async (watch) => {
    await atOnce(1000, (i) => watch.failed({ loginKey: 'ann', fingerprint: `guess ${i}` }));
    assert.equal(await watch.suspicion('whatever'), null);
  }));

test('an attack is noticed within a second, and told once an hour by all instances together', () =>
  withWatch(async (watch, s, counters) => {
    assert.equal(await watch.suspicion('whatever'), null);
    await fail(watch, 100);
    await pause(LOOKS_AGAIN);
    const others = [watchOf(s, counters), watchOf(s, counters)];
    for (const each of [watch, ...others]) assert.equal(await each.suspicion('whatever'), 'attack');
    assert.equal(await notices(s), 1);
    s.time.forward(HOUR);
    await watchOf(s, counters).suspicion('whatever');
    assert.equal(await notices(s), 2);
  }));

test(
  'on Redis a large attack stands out among many who get in, too; both are counted by all instances',
  {
    skip: !hasOwnRedis(),
  },
  () =>
    withOwnRedis((redis) =>
      withScene(async (s) => {
        const open = () => connectRedis(redis.url, { onAway: () => {}, onBack: () => {} });
        const connections = [open(), open()];
        try {
          await Promise.all(connections.map(whenReady));
          const [one, two] = connections.map((connection) => watchOf(s, createCounters(connection, KEYED_HASH)));
          assert.ok(one && two);
          await pass(one, 60);
          await pass(two, 40);
          for (let from = 0; from < 300; from += 50) await fail(from % 100 ? one : two, 50, from);
          for (const watch of [one, two]) assert.equal(await watch.suspicion('whatever'), 'attack');
          assert.equal(await watchOf(s, createCounters(null, KEYED_HASH)).suspicion('whatever'), null);
          assert.doesNotMatch(await redis.everything(), /person|guess \d|whatever/);
        } finally {
          await Promise.all(connections.map((connection) => connection.close()));
        }
      }),
    ),
);
