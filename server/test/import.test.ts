import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createEvents } from '../src/modules/events/events.ts';
import { eventTypes } from '../src/modules/imports/event-types.ts';
import { ImportFailed } from '../src/modules/imports/imported-person.ts';
import { runImport } from '../src/modules/imports/importer.ts';
import type { ImportedUsers } from '../src/modules/imports/trial-store.ts';
import { toUsername } from '../src/modules/users/names.ts';
import { newcomer } from '../src/modules/users/newcomer.ts';
import { madeWithPython } from '../src/platform/crypto/hash-formats/vectors.ts';
import { createMailbox } from '../src/platform/mail/mailbox.ts';
import { testDatabases } from './databases.ts';
import { crowd, plain, roleIds, sourceOf } from './import-source.ts';
import { atOnce, type Scene, withScene } from './scenario.ts';

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
