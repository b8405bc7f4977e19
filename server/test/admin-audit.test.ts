import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LightMyRequestResponse } from 'fastify';
import { admin, idOf, type List } from './administration.ts';
import { ok } from './client.ts';
import { testDatabases } from './databases.ts';
import { createWorld, member } from './matrix/world.ts';
import { openScene, somebody } from './scenario.ts';

interface Entry {
  id: string;
  type: string;
  actor: { id: string } | null;
  target: { kind: string; id: string };
  userId: string | null;
  ip: string | null;
  requestId: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

const TEMPORARY = 'a password for one day';
const OTHER = 'another password for a day';
const SECRETS = new RegExp(`${TEMPORARY}|${OTHER}|argon2|\\$2[aby]\\$|eyJ|#token=|"[\\w-]{43,}"`);

for (const { name, freshUrl } of testDatabases()) {
  test(`a whole tour: each act of an administrator leaves one entry that says who, whom, what, from where, and no secret (${name})`, async () => {
    const w = await createWorld(await openScene({ freshUrl }));
    try {
      const root = await idOf(w);
      const entriesOf = async (answer: LightMyRequestResponse) => {
        const path = `/events?requestId=${answer.headers['x-request-id']}`;
        return ok<List<Entry>>(await admin(w, 'GET', path), 200).items;
      };
      const types = new Map<string, string>();
      async function acted(what: string, answer: LightMyRequestResponse, target: string): Promise<Entry> {
        assert.ok(answer.statusCode < 300, `${what}: ${answer.body}`);
        const entries = await entriesOf(answer);
        assert.equal(entries.length, 1, `${what}: ${JSON.stringify(entries)}`);
        const [entry = assert.fail()] = entries;
        assert.equal(entry.actor?.id, root, what);
        assert.equal(entry.ip, '127.0.0.1', what);
        assert.equal(entry.requestId, answer.headers['x-request-id'], what);
        const about = [entry.target.id, entry.userId];
        assert.ok(about.includes(target), `${what}: ${JSON.stringify(entry)}`);
        assert.doesNotMatch(JSON.stringify(entry), SECRETS, what);
        types.set(what, entry.type);
        return entry;
      }

      const email = () => somebody().email;
      const invited = await admin(w, 'POST', '/users', { email: email() });
      await acted('invite', invited, invited.json().id);
      const made = await admin(w, 'POST', '/users', { email: email(), temporaryPassword: TEMPORARY });
      const id: string = made.json().id;
      const created = await acted('create', made, id);
      assert.equal(created.before, null);

      const changed = await acted('patch', await admin(w, 'PATCH', `/users/${id}`, { fullName: 'Changed' }), id);
      assert.deepEqual([changed.before, changed.after], [{ fullName: null }, { fullName: 'Changed' }]);
      const moved = await acted('address', await admin(w, 'PATCH', `/users/${id}`, { email: email() }), id);
      assert.ok(moved.before !== null && moved.after !== null);
      const verified = await acted('verified', await admin(w, 'PATCH', `/users/${id}`, { emailVerified: true }), id);
      assert.deepEqual([verified.before, verified.after], [{ emailVerified: false }, { emailVerified: true }]);
      const off = await acted('deactivate', await admin(w, 'POST', `/users/${id}/deactivate`), id);
      assert.deepEqual([off.before?.status, off.after?.status], ['active', 'disabled']);
      await acted('activate', await admin(w, 'POST', `/users/${id}/activate`), id);
      await acted('unlock', await admin(w, 'POST', `/users/${id}/unlock`), id);
      await acted('password-reset', await admin(w, 'POST', `/users/${id}/password-reset`), id);
      const chosen = { temporaryPassword: OTHER };
      await acted('temporary-password', await admin(w, 'POST', `/users/${id}/temporary-password`, chosen), id);
      await acted('sessions', await admin(w, 'DELETE', `/users/${id}/sessions`), id);

      const body = { code: 'audited', name: 'Audited', permissions: ['GET:/api/v1/admin/routes'] };
      const role = await admin(w, 'POST', '/roles', body);
      const roleId: string = role.json().id;
      await acted('role made', role, roleId);
      const edited = await acted(
        'role edited',
        await admin(w, 'PATCH', `/roles/${roleId}`, { permissions: [] }),
        roleId,
      );
      assert.deepEqual([edited.before, edited.after], [{ permissions: body.permissions }, { permissions: [] }]);
      await acted('roles', await admin(w, 'PUT', `/users/${id}/roles`, { roles: ['user', roleId] }), id);
      await acted('role deleted', await admin(w, 'DELETE', `/roles/${roleId}`), roleId);

      const person = await member(w);
      const path = `/users/${person.userId}/sessions/${person.sessionId}`;
      await acted('session', await admin(w, 'DELETE', path), person.userId);
      await acted('delete', await admin(w, 'DELETE', `/users/${id}`), id);
      await acted('restore', await admin(w, 'POST', `/users/${id}/restore`), id);
      await acted('erase', await admin(w, 'DELETE', `/users/${id}?erase=true`), id);

      for (const roles of [['superadmin'], ['user']]) {
        const answer = await admin(w, 'PUT', `/users/${person.userId}/roles`, { roles });
        const entries = await entriesOf(answer);
        assert.ok(entries.length > 0 && entries.every(({ actor }) => actor?.id === root), JSON.stringify(entries));
        assert.match(JSON.stringify(entries), /superadmin/);
      }

      const others = [await member(w), await member(w)];
      const ids = others.map(({ userId }) => userId);
      const bulk = await entriesOf(await admin(w, 'POST', '/users/bulk', { action: 'deactivate', ids }));
      assert.deepEqual(bulk.map(({ target }) => target.id).sort(), ids.toSorted());

      for (const refusal of [
        await admin(w, 'POST', `/users/${root}/deactivate`),
        await admin(w, 'PATCH', `/users/${ids[0]}`, { nothing: 1 }),
        await admin(w, 'POST', '/roles', { code: 'superadmin', name: 'Again' }),
        await admin(w, 'DELETE', `/users/${ids[0]}`, undefined, (await member(w)).token),
      ]) {
        assert.ok(refusal.statusCode >= 400);
        assert.deepEqual(await entriesOf(refusal), [], 'what was refused has not happened');
      }

      await w.work();
      const all: Entry[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page: List<Entry> = ok(await admin(w, 'GET', `/events?pageSize=50&cursor=${cursor}`), 200);
        all.push(...page.items);
        cursor = page.nextCursor;
      }
      assert.equal(new Set(all.map((entry) => entry.id)).size, all.length);
      assert.doesNotMatch(JSON.stringify(all), SECRETS);
      assert.ok(new Set(types.values()).size >= 12, [...types].join(' '));
    } finally {
      await w.close();
    }
  });
}
