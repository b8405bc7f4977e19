import assert from 'node:assert/strict';
import { createPublicKey, privateDecrypt, publicEncrypt, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import { decodeJwt, type JSONWebKeySet } from 'jose';
import { createEvents } from '../src/modules/events/events.ts';
import { createKeys } from '../src/modules/keys/keys.ts';
import { DAY, HOUR, MINUTE } from '../src/platform/clock.ts';
import { createKeyring } from '../src/platform/crypto/keyring.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { createLog } from '../src/platform/telemetry/log.ts';
import type { TestApp } from './app.ts';
import { createClient, ok } from './client.ts';
import { testDatabases } from './databases.ts';
import {
  type AdminKey,
  askKeys,
  becomes,
  type KeyWorld,
  keysOf,
  kidOf,
  learns,
  published,
  statusOf,
  tick,
  withKeys,
} from './key-pair.ts';
import { signIn } from './matrix/world.ts';
import { atOnce, refused, tally } from './scenario.ts';

/** How long a retired key counts: a day, which a token may live, and an hour. */
const KEPT = 25 * HOUR;
const SECRET = 'the first secret of thirty-two bytes!';
const OTHER_SECRET = 'another secret of thirty-two bytes!!!';
const statuses = (keys: AdminKey[]) => keys.map(({ status }) => status).join(' ');
const history = async ({ app }: TestApp, id: string) =>
  (await app.storage.events.listForTarget(`key:${id}`)).map(({ type }) => type);

for (const { name, freshUrl } of testDatabases()) {
  /** Two writers in one process hold each other up on SQLite, which has one lock for all. */
  const writers = ({ here, there }: KeyWorld) => (name === 'sqlite' ? [here] : [here, there]);

  describe(`keys on two instances (${name})`, () => {
    test('rotate: the next key signs, the former still verifies, everywhere at once', () =>
      withKeys(freshUrl, async (k) => {
        const { here, there, boss } = k;
        const [active = assert.fail(), next = assert.fail()] = await keysOf(k);
        assert.deepEqual([active.status, next.status], ['active', 'next']);
        const old = await signIn(here, boss);
        assert.equal(kidOf(old.token), active.id);
        assert.deepEqual(await published(there), [active.id, next.id]);

        const { items } = ok<{ items: AdminKey[] }>(await askKeys(k, 'POST', '/rotate'), 200);
        assert.deepEqual(
          items.slice(0, 2).map(({ id, status }) => [id, status]),
          [
            [active.id, 'retired'],
            [next.id, 'active'],
          ],
        );
        assert.equal(statuses(items), 'retired active next');
        const retiredAt = here.time.now.toISOString();
        assert.equal(items[0]?.retiredAt, retiredAt);
        assert.equal(items[1]?.activatedAt, retiredAt);
        assert.equal(items[0]?.validUntil, new Date(here.time.now.getTime() + KEPT).toISOString());

        const young = await signIn(here, boss);
        assert.equal(kidOf(young.token), next.id, 'new tokens are signed with it, here at once');
        for (const t of [here, there]) {
          assert.equal(await statusOf(t, young.token), 200, 'and good there without waiting: it was published before');
          assert.equal(await statusOf(t, old.token), 200);
        }
        const ids = items.map(({ id }) => id);
        assert.deepEqual(await published(here), ids);
        await learns(async () => (await published(there)).length === 3);
        assert.deepEqual(await published(there), ids);
        const { accessToken } = await createClient(there).login(boss);
        assert.equal(kidOf(accessToken), next.id);

        assert.deepEqual(await history(here, active.id), ['key.created']);
        assert.deepEqual(await history(here, next.id), ['key.created', 'key.activated']);
        const [, activated] = await here.app.storage.events.listForTarget(`key:${next.id}`);
        assert.equal(activated?.actorId, boss.userId);
        assert.deepEqual(activated?.data, { use: 'sig', algorithm: 'EdDSA', replaces: active.id });
        here.time.forward(15 * MINUTE);
        assert.equal(await statusOf(there, old.token), 401, 'it ran out');
      }));

    test('rotate: 50 at once on both instances leave one active key and one next', () =>
      withKeys(freshUrl, async (k) => {
        const { here, there, boss } = k;
        const { token } = await signIn(here, boss);
        const clients = writers(k).map(createClient);
        const answers = await atOnce(50, (i) =>
          (clients[i % clients.length] ?? assert.fail()).send('POST', '/admin/keys/rotate', { token }),
        );
        assert.deepEqual(tally(answers), { '200': 50 });
        const keys = await keysOf(k);
        const retired = keys.filter(({ status }) => status === 'retired');
        assert.ok(retired.length >= 1);
        assert.equal(statuses(keys), `${'retired '.repeat(retired.length)}active next`);
        for (const { id, status } of keys) {
          const types = await history(here, id);
          assert.deepEqual(types.slice(0, 1), ['key.created']);
          assert.ok(types.length <= 2 && (status !== 'next' || types.length === 1), types.join());
        }
        const tokens = await Promise.all(clients.map((client) => client.login(boss)));
        for (const { accessToken } of tokens) {
          for (const t of [here, there]) assert.equal(await statusOf(t, accessToken), 200);
        }
        // Whoever did not rotate last reads the keys again in the background.
        for (const client of clients) {
          await learns(async () => kidOf((await client.login(boss)).accessToken) === keys.at(-2)?.id);
        }
      }));

    test('revoke: tokens of the key are refused here at once, and there within a second', () =>
      withKeys(freshUrl, async (k) => {
        const { here, there, boss } = k;
        const { accessToken: token, refreshToken } = await here.client.login(boss);
        const [active = assert.fail(), next = assert.fail()] = await keysOf(k);
        for (const t of [here, there]) assert.equal(await statusOf(t, token), 200);
        const { items } = ok<{ items: AdminKey[] }>(await askKeys(k, 'POST', `/${active.id}/revoke`), 200);
        assert.equal(statuses(items), 'active next');
        assert.equal(items[0]?.id, next.id);
        refused(await here.client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
        await learns(async () => (await statusOf(there, token)) === 401);
        assert.ok(!(await published(here)).includes(active.id));
        assert.deepEqual(await history(here, active.id), ['key.created', 'key.removed']);

        const body = { refreshToken };
        const fresh = ok<{ accessToken: string }>(await here.client.send('POST', '/auth/refresh', { body }), 200);
        assert.equal(kidOf(fresh.accessToken), next.id, 'nobody is signed out for good');
        for (const t of [here, there]) assert.equal(await statusOf(t, fresh.accessToken), 200);
        refused(await askKeys(k, 'POST', `/${active.id}/revoke`), 404, 'key_not_found');
      }));

    test('revoke: 50 at once, with rotations beside them, never leave the server without a key', () =>
      withKeys(freshUrl, async (k) => {
        const { here, there, boss } = k;
        const { token } = await signIn(here, boss);
        const [active = assert.fail(), next = assert.fail()] = await keysOf(k);
        const clients = writers(k).map(createClient);
        const paths = [`/${active.id}/revoke`, `/${next.id}/revoke`, '/rotate'];
        const answers = await atOnce(50, async (i) => {
          const client = clients[i % clients.length] ?? assert.fail();
          // Who lost the race to the first ones is not signed in any more.
          return client.send('POST', `/admin/keys${paths[i % 3]}`, { token });
        });
        for (const { statusCode, body } of answers)
          assert.ok([200, 401, 404].includes(statusCode), `${statusCode} ${body}`);
        const keys = await keysOf(k);
        assert.match(statuses(keys), /^(retired )*active next$/);
        // The token is of the active key: once that is gone, nobody may come to revoke the next one.
        const gone = [active, next].filter((_, at) =>
          answers.some((answer, i) => i % 3 === at && answer.statusCode === 200),
        );
        assert.ok(gone.length > 0);
        for (const { id } of gone) assert.ok(keys.every((key) => key.id !== id));
        const { accessToken } = await here.client.login(boss);
        for (const t of [here, there]) assert.equal(await statusOf(t, accessToken), 200);
      }));

    test('for encryption: made when first asked for, the same everywhere; what a retired one encrypted still opens', () =>
      withKeys(freshUrl, async (k) => {
        const { here, there } = k;
        assert.deepEqual(await keysOf(k, 'enc'), [], 'nobody pays for RSA who does not use it');
        await tick(here);
        assert.deepEqual(await keysOf(k, 'enc'), []);
        const asked = await atOnce(6, (i) => (writers(k)[i % 2] ?? here).app.keys.encryption.current());
        const [first = assert.fail()] = asked;
        for (const other of asked) assert.deepEqual(other, first);
        assert.deepEqual(await there.app.keys.encryption.current(), first);
        assert.deepEqual(Object.keys(first.publicJwk).sort(), ['e', 'kty', 'n'], 'no private half');
        assert.equal(Buffer.from(String(first.publicJwk.n), 'base64url').length * 8, 3072);
        const [active = assert.fail(), next = assert.fail()] = await keysOf(k, 'enc');
        assert.equal(active.id, first.kid);
        assert.equal(statuses(await keysOf(k, 'enc')), 'active next');
        for (const { id } of [active, next]) assert.ok(here.app.keys.encryption.find(id));
        assert.ok(!(await published(here)).includes(first.kid), 'tokens are not verified with it');

        const key = createPublicKey({ key: first.publicJwk, format: 'jwk' });
        const secret = publicEncrypt({ key, oaepHash: 'sha256' }, Buffer.from('walks the dog'));
        ok(await askKeys(k, 'POST', '/rotate', { use: 'enc' }), 200);
        assert.equal((await here.app.keys.encryption.current()).kid, next.id);
        assert.equal((await keysOf(k)).length, 2, 'the keys for tokens stay as they are');
        for (const t of [here, there]) {
          const opener = t.app.keys.encryption.find(first.kid) ?? assert.fail();
          assert.equal(privateDecrypt({ key: opener, oaepHash: 'sha256' }, secret).toString(), 'walks the dog');
          assert.ok(await t.app.keys.encryption.fetch(next.id));
          const signing = t.app.keys.signing.current().kid;
          assert.equal(t.app.keys.encryption.find(signing), null, 'each key for its own use');
          assert.equal(t.app.keys.signing.find(next.id), null);
        }
        ok(await askKeys(k, 'POST', `/${first.kid}/revoke`), 200);
        assert.equal(await here.app.keys.encryption.fetch(first.kid), null);
        await learns(async () => there.app.keys.encryption.find(first.kid) === null);
      }));

    test('by schedule: published ahead, put to use when the active key is old, removed when its tokens are over', () =>
      withKeys(
        freshUrl,
        async (k) => {
          const { here, there } = k;
          const [first = assert.fail(), second = assert.fail()] = await keysOf(k);
          here.time.forward(10 * DAY - HOUR);
          await tick(here, there);
          assert.equal(statuses(await keysOf(k)), 'active next', 'not old enough');
          here.time.forward(2 * HOUR);
          const rotated = await becomes(k, 'retired active next', here, there);
          assert.equal(rotated[1]?.id, second.id);
          assert.deepEqual(await history(here, second.id), ['key.created', 'key.activated']);

          here.time.forward(KEPT - MINUTE);
          await tick(here, there);
          assert.equal((await keysOf(k))[0]?.id, first.id, 'a token of it might still live');
          here.time.forward(2 * HOUR);
          await becomes(k, 'active next', here, there);
          assert.deepEqual(await history(here, first.id), ['key.created', 'key.removed']);
          await learns(async () => (await published(there)).length === 2);

          for (let rotation = 0; rotation < 3; rotation++) {
            here.time.forward(10 * DAY);
            await becomes(k, 'retired active next', here, there);
            here.time.forward(KEPT + HOUR);
            await becomes(k, 'active next', here, there);
          }
        },
        { KEY_ROTATION_DAYS: '10' },
      ));
  });
}

describe('keys', () => {
  const [sqlite = assert.fail()] = testDatabases({});

  test('another algorithm: published ahead like every key, then it signs; what the old one signed lives out its time', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const { here, there, boss, more } = k;
      await here.app.stop();
      await there.app.stop();
      const changed = await more({ SIGNING_ALGORITHM: 'RS256' });
      const client = createClient(changed);
      const [first, next] = await keysOf(k);
      assert.equal(kidOf((await client.login(boss)).accessToken), first?.id);
      assert.deepEqual([first?.algorithm, next?.algorithm], ['EdDSA', 'RS256'], 'from its start');
      assert.deepEqual(await published(changed), [first?.id, next?.id]);
      here.time.forward(HOUR);
      await tick(changed);
      assert.equal(statuses(await keysOf(k)), 'active next', 'lists without it may still be about');
      here.time.forward(HOUR);
      const { accessToken: old } = await client.login(boss);
      const keys = await becomes(k, 'retired active next', changed);
      assert.deepEqual(
        keys.map(({ algorithm, status }) => [algorithm, status]),
        [
          ['EdDSA', 'retired'],
          ['RS256', 'active'],
          ['RS256', 'next'],
        ],
      );
      await learns(async () => kidOf((await client.login(boss)).accessToken) === keys[1]?.id);
      const { accessToken: young } = await client.login(boss);
      for (const token of [old, young]) assert.equal(await statusOf(changed, token), 200);
      const jwks = ok<JSONWebKeySet>(await changed.app.http.inject('/.well-known/jwks.json'), 200);
      const rsa = jwks.keys.find(({ kid }) => kid === keys[1]?.id);
      assert.deepEqual(Object.keys(rsa ?? {}).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use']);
      assert.equal(Buffer.from(String(rsa?.n), 'base64url').length * 8, 2048);
    }));

  test('another algorithm: a rotation by hand changes to it at once', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const [, unfit = assert.fail()] = await keysOf(k);
      const changed = await k.more({ SIGNING_ALGORITHM: 'ES256' });
      const client = createClient(changed);
      const { accessToken: token } = await client.login(k.boss);
      const { items } = ok<{ items: AdminKey[] }>(await client.send('POST', '/admin/keys/rotate', { token }), 200);
      assert.deepEqual(
        items.map(({ algorithm, status }) => [algorithm, status]),
        [
          ['EdDSA', 'retired'],
          ['ES256', 'active'],
          ['ES256', 'next'],
        ],
      );
      const [, removed] = await k.here.app.storage.events.listForTarget(`key:${unfit.id}`);
      assert.equal(removed?.data.reason, 'algorithm_changed');
      const { accessToken } = await client.login(k.boss);
      assert.equal(kidOf(accessToken), items[1]?.id);
      assert.equal(await statusOf(k.there, accessToken), 200, 'the others look for a key that they do not know');
    }));

  test('instances that disagree about the algorithm change it once, as the last one to start says', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const { here, there } = k;
      const changed = await k.more({ SIGNING_ALGORITHM: 'ES256' });
      const pairs = async () => (await keysOf(k)).map(({ algorithm, status }) => `${algorithm} ${status}`).join(', ');
      assert.equal(await pairs(), 'EdDSA active, ES256 next');
      let activated = 0;
      /** Whichever instance has the job this hour: each for some hours, as chance has it. */
      const tend = async (hours: number) => {
        for (let hour = 0; hour < hours; hour++) {
          here.time.forward(HOUR);
          const who = [here, changed, there][Math.floor(hour / 4) % 3] ?? here;
          activated += (await who.app.keys.tend()).activated;
        }
      };
      await tend(72);
      assert.equal(await pairs(), 'ES256 active, ES256 next');
      assert.equal(activated, 1);
      const [, next] = await keysOf(k);
      ok(await askKeys(k, 'POST', `/${next?.id}/revoke`), 200);
      assert.equal(await pairs(), 'ES256 active, ES256 next', 'also where another instance makes the key');
      await tend(31 * 24);
      assert.equal(await pairs(), 'ES256 active, ES256 next');
      assert.equal(activated, 2, 'by its age');
      await k.more();
      await tend(72);
      assert.equal(await pairs(), 'EdDSA active, EdDSA next', 'an instance that is put back decides again');
      assert.equal(activated, 3);
    }));

  test('a next key that cannot be opened is never put to use: it is replaced, and tokens go on', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const { here, boss } = k;
      await here.app.keys.encryption.current();
      /** As after a change of the secret that was interrupted: sealed by one that is not configured any more. */
      const spoil = async (use: 'sig' | 'enc') => {
        const key = (await here.app.storage.keys.list()).findLast((each) => each.use === use);
        assert.ok(key && key.activatedAt === null);
        await k.there.app.storage.keys.reseal(
          key.id,
          key.sealedPrivateKey,
          `00000000.${key.sealedPrivateKey.slice(9)}`,
        );
        return key.id;
      };
      for (const use of ['sig', 'enc'] as const) {
        const id = await spoil(use);
        const fresh = await k.more();
        const states = async () => statuses(await keysOf(k, use));
        here.time.forward(31 * DAY);
        await fresh.app.keys.tend();
        assert.equal(await states(), 'active next');
        const [, replaced] = await here.app.storage.events.listForTarget(`key:${id}`);
        assert.deepEqual([replaced?.type, replaced?.data.reason], ['key.removed', 'unreadable']);
        here.time.forward(2 * HOUR);
        await fresh.app.keys.tend();
        assert.equal(await states(), 'retired active next');
        const [, active] = await keysOf(k, use);

        // By hand it goes at once, also where the active key is one that somebody stole.
        await spoil(use);
        const later = await k.more();
        await later.app.keys.revoke(SYSTEM_CALLER, String(active?.id));
        here.time.forward(26 * HOUR);
        await later.app.keys.tend();
        assert.equal(await states(), 'active next');
        const [used] = await keysOf(k, use);
        const current = use === 'sig' ? later.app.keys.signing.current() : await later.app.keys.encryption.current();
        assert.equal(current.kid, used?.id, 'it signs and opens');
        const { accessToken } = await createClient(later).login(boss);
        assert.equal(await statusOf(here, accessToken), 200);
      }
    }));

  test('an active key that nobody can open does not stay for a month', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const { here } = k;
      await here.app.keys.encryption.current();
      const key = (await here.app.storage.keys.list()).find(({ use }) => use === 'enc') ?? assert.fail();
      await here.app.storage.keys.reseal(key.id, key.sealedPrivateKey, `00000000.${key.sealedPrivateKey.slice(9)}`);
      const fresh = await k.more();
      await assert.rejects(fresh.app.keys.encryption.current(), { code: 'unavailable' });
      here.time.forward(2 * HOUR);
      await fresh.app.keys.tend();
      await learns(async () =>
        fresh.app.keys.encryption.current().then(
          () => true,
          () => false,
        ),
      );
    }));

  /** Keys of an instance that nobody tells that something changed. */
  async function untold({ here: { config, app, time } }: Pick<KeyWorld, 'here'>, list = app.storage.keys.list) {
    const clock = () => time.now;
    const keys = createKeys({
      store: { ...app.storage.keys, list: () => list() },
      events: createEvents({ clock }),
      clock,
      keyring: createKeyring(config.secretKeys),
      algorithm: 'EdDSA',
      rotation: DAY,
      log: createLog(config.log),
    });
    await keys.load();
    return keys;
  }

  test('revoke: whoever puts a key to use sees to the next one, also where the key that was to go is gone meanwhile', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const { app, time } = k.here;
      const { list, activate, remove } = app.storage.keys;
      const [active = assert.fail(), next = assert.fail()] = (await list())
        .filter(({ use }) => use === 'sig')
        .sort((one, other) => one.place - other.place);
      const events = createEvents({ clock: () => time.now });
      const event = (type: string, { id }: { id: string }) =>
        events.describe(null, { type, target: `key:${id}`, data: {}, evicts: true });
      let readings = Number.NEGATIVE_INFINITY;
      const keys = await untold(k, async () => {
        readings += 1;
        // The key was active when it was read first: others put the next one to use, throw that one away, and have made no other yet.
        if (readings === 2) {
          assert.ok(await activate({ ...next, now: time.now }, event('key.activated', next)));
          assert.ok(await remove({ ...active }, event('key.removed', active)));
        }
        return list();
      });
      readings = 0;
      await keys.revoke(SYSTEM_CALLER, active.id);
      assert.equal(statuses(await keysOf(k)), 'retired active next');
    }));

  test('a stranger’s key makes nobody seal the keys anew', () =>
    withKeys(
      sqlite.freshUrl,
      async (k) => {
        const changed = await k.more({ SECRET_KEY: OTHER_SECRET, SECRET_KEY_PREVIOUS: SECRET });
        const seals = async () =>
          (await k.here.app.storage.keys.list()).map(({ sealedPrivateKey }) => sealedPrivateKey);
        const before = await seals();
        for (let round = 0; round < 3; round++) {
          for (const t of [k.here, changed]) {
            await published(t);
            await t.app.keys.signing.fetch('01890000-0000-7000-8000-000000000000');
          }
        }
        assert.deepEqual(await seals(), before);
      },
      { SECRET_KEY: SECRET, SECRET_KEY_PREVIOUS: OTHER_SECRET },
    ));

  test('a database that goes away at any moment of a rotation, with or without what it wrote, leaves keys that work', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const { here, boss } = k;
      const { config, app, time } = here;
      const clock = () => time.now;
      let broken = 0;
      for (const writes of [false, true]) {
        for (let failing = 1; failing <= 8; failing++) {
          let calls = 0;
          const away =
            <Args extends unknown[], Result>(verb: (...args: Args) => Promise<Result>) =>
            async (...args: Args): Promise<Result> => {
              calls += 1;
              if (calls < failing) return verb(...args);
              if (writes && calls === failing) await verb(...args);
              throw new Error('the database is away');
            };
          const { list, insert, activate, remove, reseal } = app.storage.keys;
          const keys = createKeys({
            store: { reseal, list: away(list), insert: away(insert), activate: away(activate), remove: away(remove) },
            events: createEvents({ clock }),
            keyring: createKeyring(config.secretKeys),
            clock,
            algorithm: 'EdDSA',
            rotation: DAY,
            log: createLog(config.log),
          });
          await keys.rotate(SYSTEM_CALLER, 'sig').catch(() => {
            broken += 1;
          });
          const { accessToken } = await here.client.login(boss);
          for (const t of [here, k.there]) assert.equal(await statusOf(t, accessToken), 200);
          await app.keys.tend();
          assert.match(statuses(await keysOf(k)), /^(retired )+active next$|^active next$/);
        }
      }
      assert.ok(broken >= 8, `${broken} rotations broke off`);
    }));

  test('strangers who invent keys hide no real one: who asks waits for a look that began afterwards', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const { app } = k.here;
      const keys = await untold(k);
      for (let round = 0; round < 5; round++) {
        await keys.signing.fetch(`01890000-0000-7000-8000-00000000000${round}`);
        for (let rotation = 0; rotation < 2; rotation++) await app.keys.rotate(SYSTEM_CALLER, 'sig');
        const { kid } = app.keys.signing.current();
        assert.equal(keys.signing.find(kid), null);
        assert.equal((await keys.signing.fetch(kid))?.kid, kid);
      }
    }));

  test('the published list holds a key of another instance as soon as that one signs with it', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const { app } = k.here;
      const keys = await untold(k);
      for (let round = 0; round < 5; round++) {
        for (let rotation = 0; rotation < 2; rotation++) await app.keys.rotate(SYSTEM_CALLER, 'sig');
        const { kid } = app.keys.signing.current();
        assert.ok((await keys.signing.jwks()).keys.some((key) => key.kid === kid));
      }
    }));

  test('while the database is away an unknown key is no wrong one, however often it is asked for; the list goes on', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const { list } = k.here.app.storage.keys;
      let away = false;
      const keys = await untold(k, async () => (away ? assert.fail('the database is away') : list()));
      const before = await keys.signing.jwks();
      away = true;
      for (let tries = 0; tries < 3; tries++) {
        await assert.rejects(keys.signing.fetch('01890000-0000-7000-8000-000000000000'), /is away/);
        assert.deepEqual(await keys.signing.jwks(), before);
      }
      away = false;
      assert.equal(await keys.signing.fetch('01890000-0000-7000-8000-000000000000'), null);
    }));

  test('an unknown key is looked for once for all who ask, and no more than ten times a second', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const { app } = k.here;
      let looks = 0;
      const keys = await untold(k, () => {
        looks += 1;
        return app.storage.keys.list();
      });
      for (let rotation = 0; rotation < 2; rotation++) await app.keys.rotate(SYSTEM_CALLER, 'sig');
      const { kid } = app.keys.signing.current();
      assert.equal(keys.signing.find(kid), null);
      looks = 0;
      const found = await atOnce(50, () => keys.signing.fetch(kid));
      assert.ok(found.every((key) => key?.kid === kid));
      assert.equal(looks, 1);
      const since = performance.now();
      for (let round = 0; round < 3; round++) {
        await atOnce(50, (i) => keys.signing.fetch(`01890000-0000-7000-8000-0000000000${i + 10}`));
      }
      assert.equal(looks, 4);
      assert.ok(performance.now() - since > 250, 'each waited for its turn');
      assert.equal(keys.signing.current().kid, kid);
    }));

  test('a key that was retired too long ago verifies nothing, although nobody removed it', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const { here, boss } = k;
      const { accessToken } = await here.client.login(boss);
      const { privateKey } = here.app.keys.signing.current();
      ok(await askKeys(k, 'POST', '/rotate'), 200);
      const forged = () => {
        const [header] = accessToken.split('.');
        const exp = Math.floor(here.time.now.getTime() / 1000) + 900;
        const claims = Buffer.from(JSON.stringify({ ...decodeJwt(accessToken), exp })).toString('base64url');
        const signature = sign(null, Buffer.from(`${header}.${claims}`), privateKey).toString('base64url');
        return `${header}.${claims}.${signature}`;
      };
      const remembered = forged();
      assert.equal(await statusOf(here, remembered), 200);
      here.time.forward(KEPT - 1);
      const last = forged();
      assert.equal(await statusOf(here, last), 200);
      here.time.forward(1);
      assert.equal(await statusOf(here, last), 401, 'also one that is remembered');
      assert.equal(await statusOf(here, forged()), 401);
      assert.equal((await published(here)).length, 2);
    }));

  test('a token is taken only under its own key: not by another’s name, nor by a key for encryption', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const { here, boss } = k;
      const { kid: enc } = await here.app.keys.encryption.current();
      const { accessToken } = await here.client.login(boss);
      const { kid, privateKey } = here.app.keys.signing.current();
      const [, claims = ''] = accessToken.split('.');
      const signed = (header: object) => {
        const input = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}`;
        return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
      };
      assert.equal(await statusOf(here, signed({ alg: 'EdDSA', typ: 'at+jwt', kid })), 200);
      const [, next = assert.fail()] = await keysOf(k);
      for (const header of [
        { alg: 'EdDSA', typ: 'at+jwt', kid: next.id },
        { alg: 'RSA-OAEP-256', typ: 'at+jwt', kid: enc },
        { alg: 'RS256', typ: 'at+jwt', kid: enc },
        { alg: 'EdDSA', typ: 'at+jwt', kid: enc },
        { alg: 'RS256', typ: 'at+jwt', kid },
      ]) {
        assert.equal(await statusOf(here, signed(header)), 401, JSON.stringify(header));
      }
    }));

  test('what administrators see holds nothing of private halves; who may not, may not', () =>
    withKeys(sqlite.freshUrl, async (k) => {
      const { here } = k;
      await here.app.keys.encryption.current();
      const answer = await askKeys(k, 'GET');
      const stored = await here.app.storage.keys.list();
      assert.equal(stored.length, 4);
      for (const { sealedPrivateKey } of stored) assert.ok(!answer.body.includes(sealedPrivateKey));
      const fields = 'activatedAt algorithm createdAt id retiredAt status use validUntil';
      for (const key of ok<{ items: AdminKey[] }>(answer, 200).items) {
        assert.equal(Object.keys(key).sort().join(' '), fields);
      }
      here.time.forward(11 * MINUTE);
      refused(await here.client.send('POST', '/admin/keys/rotate', { token: here.root }), 401, 'reauth_required');
      for (const body of [{ use: 'x' }, { algorithm: 'ES256' }, []]) {
        refused(await askKeys(k, 'POST', '/rotate', body), 400, 'validation_failed');
      }
      for (const id of ['x', `${stored[0]?.id}x`, '01890000-0000-7000-8000-000000000000', '%00']) {
        refused(await askKeys(k, 'POST', `/${id}/revoke`), 404, 'key_not_found');
      }
    }));
});
