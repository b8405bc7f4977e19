import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ImportFailed } from '../src/modules/imports/imported-person.ts';
import { FORMATS } from '../src/modules/imports/sources/formats.ts';
import { personOf } from '../src/modules/imports/sources/person-of.ts';
import { madeWithPython, published, type Vector } from '../src/platform/crypto/hash-formats/vectors.ts';
import { ok } from './client.ts';
import { plain, roleIds, sourceOf } from './import-source.ts';
import { createWorld } from './matrix/world.ts';
import { refused, type Scene, withScene } from './scenario.ts';

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
