import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { hasOwnRedis, type OwnRedis, whenReady, withOwnRedis } from '../../../test/own-redis.ts';
import { until } from '../../../test/until.ts';
import { openWire } from '../../../test/wire.ts';
import { MINUTE } from '../clock.ts';
import { type Bus, createBus } from './bus.ts';
import { connectRedis } from './connect.ts';

/** An instance, as far as the bus knows. */
interface Listener {
  bus: Bus;
  heard: string[];
  /** How often it was told that it may have missed something. */
  gaps(): number;
}

/** Milliseconds in which a message that was sent would long have come. */
const LONG_ENOUGH = 200;
const BEAT = 50;

test('whether there is a redis-server to try the bus on', (t) => {
  t.diagnostic(hasOwnRedis() ? 'there is' : 'there is none: nothing about what instances tell each other was shown');
});

describe('the bus', { skip: !hasOwnRedis() }, () => {
  async function withListeners(
    count: number,
    run: (listeners: Listener[], redis: OwnRedis) => Promise<void>,
    { channels = [], heartbeatEvery }: { channels?: string[]; heartbeatEvery?: number } = {},
  ): Promise<void> {
    await withOwnRedis(async (own) => {
      const opened = Array.from({ length: count }, (_, i) =>
        openListener(own.url, { channel: channels[i], heartbeatEvery }),
      );
      try {
        for (const { redis, gaps } of opened) {
          await whenReady(redis);
          // The connection, and the subscription.
          await until('it listens', () => gaps() >= 2);
        }
        await run(opened, own);
      } finally {
        for (const { bus, redis } of opened) {
          bus.close();
          await redis.close();
        }
      }
    });
  }

  function openListener(
    url: string,
    options: { channel?: string | undefined; heartbeatEvery?: number | undefined } = {},
  ) {
    const redis = connectRedis(url, { onAway: () => {}, onBack: () => {} });
    const heard: string[] = [];
    let gaps = 0;
    const onGap = () => {
      gaps += 1;
    };
    const onMessage = (message: string) => void heard.push(message);
    const { channel = 'ostiary:test', heartbeatEvery = MINUTE } = options;
    const bus = createBus({ redis, onMessage, onGap, channel, heartbeatEvery });
    return { bus, redis, heard, gaps: () => gaps };
  }

  /** Waits until all have heard it who should, and nobody else has. */
  async function told([from, ...others]: Listener[], message: string): Promise<void> {
    const before = from?.heard.length;
    from?.bus.publish(message);
    await until('the others have heard it', () => others.every(({ heard }) => heard.includes(message)));
    assert.equal(from?.heard.length, before, 'whoever said it knows it');
  }

  test('the others hear what one says, each message once and in order; the sender does not', () =>
    withListeners(3, async ([a, b, c]) => {
      assert.ok(a && b && c);
      const said = Array.from({ length: 100 }, (_, i) => `user:${i}`);
      for (const message of said) a.bus.publish(message);
      await until('the last has come', () => b.heard.length >= 100 && c.heard.length >= 100);
      await told([b, a, c], 'role:ünïcode 角色');
      assert.deepEqual(b.heard, said);
      assert.deepEqual(c.heard, [...said, 'role:ünïcode 角色']);
      assert.deepEqual(a.heard, ['role:ünïcode 角色']);
    }));

  test('a message as long as the name of a sender is one; an empty one tells nothing', () =>
    withListeners(2, async ([a, b]) => {
      assert.ok(a && b);
      a.bus.publish('');
      a.bus.publish('abcdefghijkl');
      await until('it has come', () => b.heard.length > 0);
      assert.deepEqual(b.heard, ['abcdefghijkl']);
    }));

  test('another channel is another bus', () =>
    withListeners(
      3,
      async ([a, b, apart]) => {
        assert.ok(a && b && apart);
        apart.bus.publish('elsewhere');
        await told([a, b], 'here');
        await pause(LONG_ENOUGH);
        assert.deepEqual([b.heard, apart.heard], [['here'], []]);
      },
      { channels: ['one', 'one', 'two'] },
    ));

  test('while Redis is away messages are lost and nothing is thrown; when it is back everybody looks for what they missed', () =>
    withListeners(2, async (listeners, redis) => {
      const [a, b] = listeners;
      assert.ok(a && b);
      await told(listeners, 'before');
      const gaps = listeners.map(({ gaps }) => gaps());
      await redis.stop();
      for (let i = 0; i < 50; i++) a.bus.publish(`lost ${i}`);
      await pause(LONG_ENOUGH);
      a.bus.publish('lost, too');
      await redis.start();
      await until('both know of the gap', () => listeners.every(({ gaps: now }, i) => now() > (gaps[i] ?? 0)));
      await until('they are told again', async () => {
        a.bus.publish('after');
        await pause(20);
        return b.heard.includes('after');
      });
      assert.deepEqual([...new Set(b.heard)], ['before', 'after'], 'what was said meanwhile does not come late');
    }));

  test('a listener whose connection alone was cut looks for what it missed', () =>
    withListeners(2, async (listeners, redis) => {
      const gaps = listeners.map(({ gaps }) => gaps());
      await redis.cutListeners();
      await until('both know of the gap', () => listeners.every(({ gaps: now }, i) => now() > (gaps[i] ?? 0)));
      await until('they are told again', async () => {
        listeners[0]?.bus.publish('after');
        await pause(20);
        return listeners[1]?.heard.includes('after') ?? false;
      });
    }));

  test('a listener whose connection looks open and carries nothing any more is replaced, and looks for what it missed', () =>
    withOwnRedis(async (own) => {
      const wire = await openWire(Number(new URL(own.url).port));
      const url = new URL(own.url);
      url.port = String(wire.port);
      const [deaf, other] = [openListener(url.href, { heartbeatEvery: BEAT }), openListener(own.url)];
      try {
        await Promise.all([whenReady(deaf.redis), whenReady(other.redis)]);
        await until('both listen', () => deaf.gaps() >= 2 && other.gaps() >= 2);
        await told([other, deaf], 'before');
        const gaps = deaf.gaps();
        wire.deafen();
        other.bus.publish('lost');
        await until('it knows of the gap', () => deaf.gaps() > gaps);
        await until('it is told again', async () => {
          other.bus.publish('after');
          await pause(20);
          return deaf.heard.includes('after');
        });
        assert.deepEqual([...new Set(deaf.heard)], ['before', 'after']);
      } finally {
        for (const { bus, redis } of [deaf, other]) {
          bus.close();
          await redis.close();
        }
        await wire.close();
      }
    }));

  test('as long as it hears it keeps its connection, and nobody hears the heartbeats', () =>
    withListeners(
      2,
      async (listeners) => {
        const gaps = listeners.map(({ gaps }) => gaps());
        await pause(20 * BEAT);
        assert.deepEqual(
          listeners.map(({ gaps }) => gaps()),
          gaps,
        );
        assert.deepEqual(
          listeners.map(({ heard }) => heard),
          [[], []],
        );
      },
      { heartbeatEvery: BEAT },
    ));

  test('one that never saw its Redis publishes into nothing, and listens when it comes', () =>
    withOwnRedis(async (own) => {
      await own.stop();
      const [a, b] = [openListener(own.url), openListener(own.url)];
      a.bus.publish('lost');
      await own.start();
      await Promise.all([whenReady(a.redis), whenReady(b.redis)]);
      await until('both listen', () => a.gaps() >= 2 && b.gaps() >= 2);
      await told([a, b], 'heard');
      assert.deepEqual(b.heard, ['heard']);
      for (const { bus, redis } of [a, b]) {
        bus.close();
        await redis.close();
      }
    }));

  test('after its end it hears nothing and says nothing', () =>
    withListeners(3, async ([a, b, c]) => {
      assert.ok(a && b && c);
      b.bus.close();
      await told([a, c], 'to whoever is left');
      await pause(LONG_ENOUGH);
      assert.deepEqual(b.heard, []);
    }));
});
