import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createEvents } from '../src/modules/events/events.ts';
import { eventTypes } from '../src/modules/imports/event-types.ts';
import {
  type ImportedPerson,
  ImportFailed,
  type Source,
  type SourceRow,
} from '../src/modules/imports/imported-person.ts';
import { runImport } from '../src/modules/imports/importer.ts';
import type { ImportedUsers } from '../src/modules/imports/trial-store.ts';
import { toUsername } from '../src/modules/users/names.ts';
import { newcomer } from '../src/modules/users/newcomer.ts';
import { madeWithPython, published, type Vector } from '../src/platform/crypto/hash-formats/vectors.ts';
import { createMailbox } from '../src/platform/mail/mailbox.ts';
import { ok } from './client.ts';
import { testDatabases } from './databases.ts';
import { createWorld } from './matrix/world.ts';
import { atOnce, refused, type Scene, withScene } from './scenario.ts';

const NOBODY: ImportedPerson = {
  id: '',
  email: null,
  username: null,
  fullName: null,
  phone: null,
  locale: null,
  emailVerified: true,
  isDisabled: false,
  isDeleted: false,
  roles: [],
  isSuperadmin: false,
  createdAt: null,
  lastLoginAt: null,
  passwordHash: null,
};

/** A source over people in memory; `null` stands for a row that is none. */
function sourceOf(people: readonly (Partial<ImportedPerson> | null)[], fingerprint = 'one'): Source {
  return {
    fingerprint,
    progress: () => null,
    async close() {},
    async *rows(after) {
      for (const [index, person] of people.entries()) {
        const [position, place] = [index + 1, `row ${index + 1}`];
        if (position <= Number(after ?? 0)) continue;
        const id = `id${position}`;
        const row: SourceRow = person
          ? { position, place, person: { ...NOBODY, id, email: `${id}@example.com`, ...person } }
          : { position, place, fault: 'not a person' };
        yield row;
      }
    },
  };
}

const crowd = (count: number, from = 1) =>
  Array.from({ length: count }, (_, i) => ({ id: `c${i + from}`, email: `crowd${i + from}@example.com` }));

const plain = { name: 'shop', roles: {}, isTrial: false } as const;

async function total({ app }: Scene): Promise<number> {
  return app.storage.users.count({}, 1_000_000);
}

for (const { name, freshUrl } of testDatabases()) {
  describe(`imports on ${name}`, { timeout: 300_000 }, () => {
    it('makes people with all that the source knows, tells what it leaves out, and mails nobody', () =>
      withScene(
        async (s) => {
          const { app, time } = s;
          const present = await app.setup.createUser(
            { actor: null, ip: '', userAgent: '', requestId: '' },
            { email: 'Here@example.com', username: 'rosalind', password: 'walks the dog at seven', superadmin: false },
          );
          const created = new Date('2019-05-06T07:08:09.123Z');
          const login = new Date('2020-05-06T07:08:09.123Z');
          const { stored } = madeWithPython.find((vector) => vector.name === 'bcrypt 2b') ?? assert.fail();
          const told: string[] = [];
          const people = [
            {
              ...{ email: ' Ann@Example.com ', username: 'Ann_Lee', fullName: ' Ann Lee ', phone: '+49 30 1234567' },
              ...{
                locale: 'de_DE',
                roles: ['Editors', 'Ghosts'],
                createdAt: created,
                lastLoginAt: login,
                passwordHash: stored,
              },
            },
            { isDisabled: true, emailVerified: false, createdAt: new Date('2999-01-01') },
            null,
            { id: ' ' },
            { email: null },
            { email: 'no address' },
            { email: 'here@EXAMPLE.com' },
            { email: 'ANN@example.com' },
            { id: 'id1' },
            { isDeleted: true },
            { username: 'ann_1ee' },
            { username: 'ANN_lee' },
            { username: 'rosa1ind' },
            { username: 'administrator' },
            { username: 'no name at all' },
            { username: 'id16@example.com' },
            { fullName: 'two\nlines', phone: '030/1234', passwordHash: 'hunter2', isSuperadmin: true },
          ];
          const options = { ...plain, roles: { Editors: 'admin', Nobody: 'guest' } };
          const trial = await app.imports.run(sourceOf(people), { ...options, isTrial: true });
          assert.equal(await total(s), 1);
          const counts = await app.imports.run(sourceOf(people), {
            ...options,
            onTold: ({ kind, place }) => told.push(`${place}: ${kind}`),
          });
          assert.deepEqual(counts, trial);
          assert.deepEqual(
            { read: counts.read, made: counts.made, present: counts.present, hashes: counts.hashes },
            { read: 17, made: 9, present: 0, hashes: { bcrypt: 1 } },
          );
          assert.deepEqual(counts.unknownRoles, { Ghosts: 1 });
          assert.deepEqual(counts.unknownHashes, { 'no form of a hash at all': 1 });
          assert.deepEqual(told.sort(), [
            'row 10: deleted',
            'row 11: username_look_alike',
            'row 12: username_taken',
            'row 13: username_look_alike',
            'row 14: username_reserved',
            'row 15: username_invalid',
            'row 17: hash_unknown',
            'row 17: name_unusable',
            'row 17: phone_unusable',
            'row 17: superadmin',
            'row 1: role_unknown',
            'row 3: not a person: unreadable',
            'row 4: id_unusable',
            'row 5: email_missing',
            'row 6: email_invalid',
            'row 7: email_taken',
            'row 8: email_repeated',
            'row 9: id_repeated',
          ]);
          assert.ok(!JSON.stringify(counts).includes('hunter2'));

          const ann = (await app.storage.users.findByEmail('ann@example.com')) ?? assert.fail('Ann is there');
          const [admin, user] = await roleIds(s, 'admin', 'user');
          assert.deepEqual(ann, {
            ...newcomer(ann.id, time.now),
            ...{ email: 'Ann@Example.com', emailNorm: 'ann@example.com', emailVerified: true },
            ...{ ...toUsername('Ann_Lee'), fullName: 'Ann Lee', phone: '+49301234567', locale: 'de-DE' },
            ...{ externalId: 'shop:id1', passwordHash: stored, createdAt: created, lastLoginAt: login },
            roleIds: [user, admin],
          });
          const second = (await app.storage.users.findByEmail('id2@example.com')) ?? assert.fail();
          assert.deepEqual([second.status, second.emailVerified, second.createdAt], ['disabled', false, time.now]);
          for (const id of ['id11', 'id12', 'id13', 'id14', 'id15', 'id16']) {
            assert.equal((await app.storage.users.findByEmail(`${id}@example.com`))?.username, null, id);
          }
          assert.deepEqual((await app.storage.superadmins.read()).userIds, []);
          assert.equal((await app.storage.users.find(present.id))?.externalId, null);

          await s.work();
          const mails = await createMailbox({ dir: join(s.config.dataDir, 'mailbox'), clock: () => time.now }).list();
          assert.deepEqual(mails, []);
          const [event, ...others] = await app.storage.events.listForTarget(`user:${ann.id}`);
          assert.deepEqual(others, []);
          const { type, seq, userId, actorId, data } = event ?? assert.fail();
          assert.deepEqual([type, seq, userId, actorId], ['user.imported', 1, ann.id, null]);
          assert.deepEqual(data, { source: 'shop', externalId: 'shop:id1', passwordFormat: 'bcrypt' });
          const run = await app.storage.events.listForTarget('import:shop');
          assert.deepEqual(
            run.map((one) => [one.type, one.data]),
            [
              ['import.started', { resumed: false }],
              ['import.finished', { made: 9, present: 0, skipped: 8 }],
            ],
          );
          for (const { type } of [...run, ...others]) assert.ok(type in eventTypes);
        },
        { freshUrl },
      ));

    it('doubles nobody when it is run again, and makes who is new in the source', () =>
      withScene(
        async (s) => {
          const { app } = s;
          const first = await app.imports.run(sourceOf(crowd(7)), { ...plain, batchSize: 3 });
          assert.deepEqual([first.read, first.made, first.present], [7, 7, 0]);
          const again = await app.imports.run(sourceOf(crowd(7)), { ...plain, batchSize: 3 });
          assert.deepEqual([again.read, again.made, again.present, again.skipped], [7, 0, 7, {}]);
          const grown = await app.imports.run(sourceOf(crowd(9)), { ...plain, batchSize: 4 });
          assert.deepEqual([grown.made, grown.present], [2, 7]);
          // Whoever is skipped takes no name from those who follow, also of the batch that is planned meanwhile.
          const repeated = [
            { id: 'x', email: 'x1@example.com' },
            { id: 'x', email: 'x2@example.com', username: 'only-once' },
            { id: 'y', email: 'x2@example.com', username: 'only-once' },
            { id: 'z', email: 'x2@example.com' },
          ];
          const spared = await app.imports.run(sourceOf(repeated), { ...plain, name: 'third', batchSize: 2 });
          assert.deepEqual([spared.made, spared.skipped], [2, { id_repeated: 1, email_repeated: 1 }]);
          const y = (await app.storage.users.findByEmail('x2@example.com')) ?? assert.fail();
          assert.deepEqual([y.externalId, y.username], ['third:y', 'only-once']);
          // The same people from another source have addresses that are taken.
          const other = await app.imports.run(sourceOf(crowd(9)), { ...plain, name: 'other' });
          assert.deepEqual([other.made, other.present, other.skipped], [0, 0, { email_taken: 9 }]);
          assert.equal(await total(s), 11);
        },
        { freshUrl },
      ));

    it('goes on exactly where it died, however often and at whatever step', () =>
      withScene(
        async (s) => {
          const { app, time } = s;
          const people = crowd(40).map((person, i) => (i % 7 === 3 ? { ...person, email: 'broken' } : person));
          const rules = {
            ...{ name: 'shop', roleIds: new Map<string, string>(), firstRoleIds: [] as string[], now: time.now },
            toOwnUsername: (input: string) => toUsername(input),
          };
          const deps = {
            draft: (id: string, fields: object) => ({ ...newcomer(id, time.now), ...fields }),
            events: createEvents({ clock: () => time.now }),
            clock: () => time.now,
          };
          let calls = 0;
          let deadly = 0;
          /** Dies at every call number `deadly`, before or after what the call does. */
          const dying =
            <Args extends unknown[], T>(verb: (...args: Args) => Promise<T>) =>
            async (...args: Args): Promise<T> => {
              calls += 1;
              if (calls === deadly) throw new Error('killed');
              const result = await verb(...args);
              calls += 1;
              if (calls === deadly) throw new Error('killed');
              return result;
            };
          const { users, imports } = app.storage;
          const mortal: ImportedUsers = { insertMany: dying(users.insertMany), findNamed: dying(users.findNamed) };
          const store = { find: imports.find, replace: dying(imports.replace) };
          const run = () => {
            calls = 0;
            return runImport({ ...deps, users: mortal, store }, { source: sourceOf(people), rules, batchSize: 6 });
          };
          let deaths = 0;
          for (let step = 1; ; step++) {
            // A little further each time, so that everything is done at last.
            deadly = 3 + step * 2 + (step % 3);
            try {
              const counts = await run();
              const told = counts.skipped.email_invalid;
              assert.deepEqual([counts.read, counts.made, counts.present, told], [40, 34, 0, 6]);
              break;
            } catch (error) {
              assert.equal((error as Error).message, 'killed');
              deaths += 1;
            }
          }
          assert.ok(deaths >= 4, `${deaths} deaths`);
          assert.equal(await total(s), 34);
          for (const { id, email } of people) {
            const user = await users.findByEmail(email);
            assert.equal(user?.externalId ?? null, email === 'broken' ? null : `shop:${id}`);
            if (user) assert.equal((await app.storage.events.listForTarget(`user:${user.id}`)).length, 1);
          }
          await app.storage.events.sweep();
          assert.equal((await imports.find('shop'))?.finishedAt?.getTime(), time.now.getTime());
        },
        { freshUrl },
      ));

    it('shares names with registrations that run at the same time: one has each, and nobody is lost', () =>
      withScene(
        async (s) => {
          const { app } = s;
          const caller = { actor: null, ip: '', userAgent: '', requestId: '' };
          const people = crowd(60).map((person, i) => ({ ...person, username: `crowd-${i + 1}` }));
          const importing = app.imports.run(sourceOf(people), { ...plain, batchSize: 5 });
          const rivals = await atOnce(20, async (i) => {
            const n = 60 - i;
            const email = i % 2 ? `crowd${n}@example.com` : `rival${n}@example.com`;
            const rival = { email, username: `crowd-${n}`, password: 'walks the dog at seven', superadmin: false };
            return app.setup.createUser(caller, rival).then(
              () => 1,
              () => 0,
            );
          });
          const counts = await importing;
          const registered = rivals.reduce<number>((sum, one) => sum + one, 0);
          const { email_taken: taken = 0 } = counts.skipped;
          assert.equal(counts.made + taken, 60);
          assert.equal(await total(s), counts.made + registered);
        },
        { freshUrl },
      ));

    it('of two that import the same source, the later one goes on alone', () =>
      withScene(
        async (s) => {
          const { app } = s;
          const runs = await Promise.allSettled(
            [1, 2].map(() => app.imports.run(sourceOf(crowd(60)), { ...plain, batchSize: 3 })),
          );
          const failed = runs.filter((one) => one.status === 'rejected');
          assert.ok(failed.length <= 1);
          for (const { reason } of failed) assert.ok(reason instanceof ImportFailed, String(reason));
          const counts = await app.imports.run(sourceOf(crowd(60)), plain);
          assert.equal(counts.made + counts.present, 60);
          assert.equal(await total(s), 60);
        },
        { freshUrl },
      ));
  });
}

async function roleIds({ app }: Scene, ...codes: string[]): Promise<string[]> {
  const roles = await app.storage.roles.list();
  return codes.map((code) => roles.find((role) => role.code === code)?.id ?? assert.fail(code));
}

describe('imported people', { timeout: 300_000 }, () => {
  it('sign in with the hash that they had, in every format, once; then it is one of ours', () =>
    withScene(async (s) => {
      const { app, client } = s;
      // What takes many seconds by itself is verified in the test of the hasher.
      const vectors: Vector[] = [...madeWithPython, ...published].filter(
        ({ password, stored }) => password.length > 0 && !/r=12|390000|102400/.test(stored),
      );
      const people = vectors.map(({ stored }) => ({ passwordHash: stored }));
      const counts = await app.imports.run(sourceOf(people), plain);
      assert.deepEqual([counts.made, counts.leftOut], [vectors.length, {}]);
      for (const [i, { name, password, stored }] of vectors.entries()) {
        const email = `id${i + 1}@example.com`;
        const wrong = await client.send('POST', '/auth/login', { body: { login: email, password: `${password}?` } });
        refused(wrong, 401, 'invalid_credentials');
        const { user } = await client.login({ email, password });
        const upgraded = (await app.storage.users.find(user.id))?.passwordHash ?? '';
        assert.ok(upgraded.startsWith('$argon2id$v=19$m=8192,t=1,p=1$') && upgraded !== stored, name);
        await client.login({ email, password });
        assert.equal((await app.storage.users.find(user.id))?.passwordHash, upgraded, name);
      }
    }));

  it('stay disabled and unverified, and those without a known hash reset their password', () =>
    withScene(async (s) => {
      const { app, client } = s;
      const { stored, password } = madeWithPython.find((vector) => vector.name === 'bcrypt 2b') ?? assert.fail();
      await app.imports.run(
        sourceOf([
          { email: 'disabled@example.com', isDisabled: true, passwordHash: stored },
          { email: 'unknown@example.com', passwordHash: '5f4dcc3b5aa765d61d8327deb882cf99' },
        ]),
        plain,
      );
      const login = (email: string, body: string) =>
        client.send('POST', '/auth/login', { body: { login: email, password: body } });
      assert.notEqual((await login('disabled@example.com', password)).statusCode, 200);
      for (const guess of ['password', '5f4dcc3b5aa765d61d8327deb882cf99', '']) {
        assert.notEqual((await login('unknown@example.com', guess)).statusCode, 200, guess);
      }
      await client.send('POST', '/auth/request-password-reset', { body: { email: 'unknown@example.com' } });
      assert.equal((await s.mailsTo('unknown@example.com')).length, 1);
    }));

  it('are known to administrators by their external id, which an erasure clears', () =>
    withScene(async (s) => {
      const w = await createWorld(s);
      await s.app.imports.run(sourceOf([{ email: 'ann@example.com' }]), plain);
      const { id } = (await s.app.storage.users.findByEmail('ann@example.com')) ?? assert.fail();
      const read = () => w.client.send('GET', `/admin/users/${id}`, { token: w.root });
      assert.equal(ok<{ externalId: string }>(await read(), 200).externalId, 'shop:id1');
      ok(await w.client.send('DELETE', `/admin/users/${id}?erase=true`, { token: w.root }), 204);
      await s.work();
      const named = await s.app.storage.users.findNamed({
        ...{ ids: [], emailNorms: [], usernameKeys: [] },
        externalIds: ['shop:id1'],
      });
      assert.deepEqual(named, []);
      const history = JSON.stringify(await s.app.storage.events.listForTarget(`user:${id}`));
      assert.ok(!history.includes('shop:id1'), history);
    }));

  it('get no role that the mapping does not name, and never that of superadmins', () =>
    withScene(async ({ app }) => {
      const source = sourceOf([{ roles: ['admin', 'superadmin', 'user'], isSuperadmin: true }]);
      const [user] = await roleIds({ app } as Scene, 'user');
      for (const roles of [{ admin: 'superadmin' }, { admin: 'nothing' }] as Record<string, string>[]) {
        await assert.rejects(app.imports.run(source, { ...plain, roles }), ImportFailed);
      }
      for (const name of ['', 'Shop', 'a:b', 'x'.repeat(41)]) {
        await assert.rejects(app.imports.run(source, { ...plain, name }), ImportFailed, name);
      }
      assert.equal(await app.storage.users.count({}, 9), 0);
      const counts = await app.imports.run(source, plain);
      assert.deepEqual(counts.unknownRoles, { admin: 1, superadmin: 1, user: 1 });
      const made = (await app.storage.users.findByEmail('id1@example.com')) ?? assert.fail();
      assert.deepEqual([made.roleIds, made.superadminMark], [[user], false]);
    }));

  it('leave by the export as they came, and can come back', () =>
    withScene(async (s) => {
      const { app } = s;
      const { stored, password } = madeWithPython.find((vector) => vector.name === 'bcrypt 2b') ?? assert.fail();
      const people = Array.from({ length: 1203 }, (_, i) => ({
        email: `p${i}@example.com`,
        fullName: i % 2 ? `"Quoted", ${i}` : null,
        isDisabled: i % 3 === 0,
        roles: ['Editors'],
        // Many of one moment: pages must not lose any of them.
        createdAt: new Date(1_600_000_000_000 + Math.floor(i / 700)),
        passwordHash: stored,
      }));
      await app.imports.run(sourceOf(people), { ...plain, roles: { Editors: 'admin' } });
      const lines = async (format: 'ndjson' | 'csv', withHashes: boolean) => {
        let text = '';
        // Events of the same millisecond have no order.
        s.time.forward(1);
        for await (const line of app.imports.exportLines({ format, withHashes })) text += line;
        return text;
      };
      const bare = await lines('ndjson', false);
      assert.ok(!bare.includes('passwordHash') && !bare.includes(stored));
      const rows = bare
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.equal(rows.length, people.length);
      assert.equal(new Set(rows.map(({ externalId }) => externalId)).size, people.length);
      assert.deepEqual(rows[0].roles, ['user', 'admin']);
      const csv = await lines('csv', false);
      assert.equal(csv.split('\r\n').length, people.length + 2);
      assert.ok(!csv.includes(stored));
      const whole = await lines('ndjson', true);
      const told = await app.storage.events.list({ type: 'users.exported' }, { before: null, limit: 9 });
      assert.deepEqual(
        told.map(({ data }) => data),
        [
          { format: 'ndjson', withHashes: true },
          { format: 'csv', withHashes: false },
          { format: 'ndjson', withHashes: false },
        ],
      );

      await withScene(async (there) => {
        const { FORMATS } = await import('../src/modules/imports/sources/formats.ts');
        const { personOf } = await import('../src/modules/imports/sources/person-of.ts');
        const back = whole
          .trimEnd()
          .split('\n')
          .map((line) => personOf(JSON.parse(line), FORMATS.plain.mapping) ?? assert.fail());
        const counts = await there.app.imports.run(sourceOf(back), { ...plain, name: 'back' });
        assert.equal(counts.made, people.length);
        await there.client.login({ email: 'p1@example.com', password });
        const user = (await there.app.storage.users.findByEmail('p3@example.com')) ?? assert.fail();
        assert.deepEqual(
          [user.status, user.fullName, user.createdAt],
          ['disabled', '"Quoted", 3', people[3]?.createdAt],
        );
      });
    }));
});
