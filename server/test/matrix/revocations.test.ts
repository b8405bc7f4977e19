import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTestApp, standingClock } from '../app.ts';
import { createClient, ok } from '../client.ts';
import { testDatabases } from '../databases.ts';
import { runningTime } from '../running-time.ts';
import type { Scene } from '../scenario.ts';
import { refused } from '../scenario.ts';
import { createWorld, giveRoles, type Member, member, newRole, type World } from './world.ts';

/** The contract's bound for instances that share only a database. Milliseconds of running time. */
const KNOWN_EVERYWHERE_AFTER = 1000;
const GUARDED = '/admin/routes';

interface Subject extends Member {
  roleId: string;
}

interface Revocation {
  /** What the subject has until then; the code of their own role where nothing is said. */
  role?: string;
  revoke(w: World, subject: Subject): Promise<unknown>;
  status: 401 | 403;
  /** `unauthenticated` or `forbidden` where nothing is said. */
  code?: string;
}

async function root(w: World, method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<void> {
  const { statusCode, body: said } = await w.client.send(method, path, { token: w.root, body });
  assert.ok(statusCode === 200 || statusCode === 204, `${method} ${path}: ${statusCode} ${said}`);
}

const REVOCATIONS: Record<string, Revocation> = {
  'the role loses the permission': {
    revoke: (w, { roleId }) => root(w, 'PATCH', `/admin/roles/${roleId}`, { permissions: [] }),
    status: 403,
  },
  'the role is disabled': {
    revoke: (w, { roleId }) => root(w, 'PATCH', `/admin/roles/${roleId}`, { enabled: false }),
    status: 403,
  },
  'the role is deleted': { revoke: (w, { roleId }) => root(w, 'DELETE', `/admin/roles/${roleId}`), status: 403 },
  'the role demands two factors': {
    revoke: (w, { roleId }) => root(w, 'PATCH', `/admin/roles/${roleId}`, { mfa: 'required' }),
    status: 403,
    code: 'mfa_required',
  },
  'the role is taken away': { revoke: (w, { userId }) => giveRoles(w, userId, ['user']), status: 403 },
  'a superadmin is one no more': {
    role: 'superadmin',
    revoke: (w, { userId }) => giveRoles(w, userId, ['user']),
    status: 403,
  },
  'the user is deactivated': {
    revoke: (w, { userId }) => root(w, 'POST', `/admin/users/${userId}/deactivate`),
    status: 401,
  },
  'the user is deleted': { revoke: (w, { userId }) => root(w, 'DELETE', `/admin/users/${userId}`), status: 401 },
  'the user is erased': {
    revoke: (w, { userId }) => root(w, 'DELETE', `/admin/users/${userId}?erase=true`),
    status: 401,
  },
  'the session is ended': {
    revoke: (w, { userId, sessionId }) => root(w, 'DELETE', `/admin/users/${userId}/sessions/${sessionId}`),
    status: 401,
  },
  'all sessions are ended': {
    revoke: (w, { userId }) => root(w, 'DELETE', `/admin/users/${userId}/sessions`),
    status: 401,
  },
};

for (const database of testDatabases()) {
  describe(`what is taken back on ${database.name}`, () => {
    let here: World;
    /** Another instance on the same database; it learns of changes by looking. */
    let there: Scene;
    let closeAll: () => Promise<void>;

    before(async () => {
      const { url: databaseUrl, drop } = await database.freshUrl();
      const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-revocations-'));
      const options = { databaseUrl, dataDir, time: standingClock() };
      const one = await openTestApp(options);
      const two = await openTestApp(options);
      closeAll = async () => {
        await Promise.all([one.close(), two.close()]);
        await drop();
        await rm(dataDir, { recursive: true, force: true });
      };
      here = await createWorld({ ...one, client: createClient(one), databaseUrl });
      there = { ...two, client: createClient(two), databaseUrl };
    });
    after(() => closeAll());

    const get = (s: Scene, { token }: Subject) => s.client.send('GET', GUARDED, { token });
    const codeOf = (status: 401 | 403) => (status === 401 ? 'unauthenticated' : 'forbidden');

    /** One reading may have begun before the change; the next has not. */
    async function look(): Promise<void> {
      await there.app.pollEvictions();
      await there.app.pollEvictions();
    }

    /** Somebody whom both instances know as somebody who may not. */
    async function newSubject(): Promise<Subject> {
      const roleId = await newRole(here, { permissions: [`GET:/api/v1${GUARDED}`] });
      const subject = { ...(await member(here)), roleId };
      for (const s of [here, there]) refused(await get(s, subject), 403, 'forbidden');
      return subject;
    }

    for (const [name, { role, revoke, status, code = codeOf(status) }] of Object.entries(REVOCATIONS)) {
      test(`${name}: the next request is refused, elsewhere after a look`, async () => {
        const subject = await newSubject();
        await giveRoles(here, subject.userId, [role ?? subject.roleId]);
        ok(await get(here, subject), 200);
        await look();
        ok(await get(there, subject), 200);

        await revoke(here, subject);
        refused(await get(here, subject), status, code);
        await look();
        refused(await get(there, subject), status, code);
      });
    }

    test('other instances look by themselves, within a second', async () => {
      const subjects = new Map<string, Subject>();
      for (const [name, { role }] of Object.entries(REVOCATIONS)) {
        const subject = await newSubject();
        await giveRoles(here, subject.userId, [role ?? subject.roleId]);
        subjects.set(name, subject);
      }
      await look();
      for (const subject of subjects.values()) ok(await get(there, subject), 200);

      const late: string[] = [];
      const watch = async (name: string, subject: Subject) => {
        const { revoke, status, code = codeOf(status) } = REVOCATIONS[name] ?? assert.fail();
        await revoke(here, subject);
        const since = runningTime();
        for (;;) {
          const answer = await get(there, subject);
          if (answer.statusCode !== 200) {
            refused(answer, status, code);
            return;
          }
          if (runningTime() - since > KNOWN_EVERYWHERE_AFTER) {
            late.push(name);
            return;
          }
          await sleep(20);
        }
      };
      // The second half begins just after a look, and so waits for the whole time between two.
      const all = [...subjects];
      const half = Math.ceil(all.length / 2);
      await Promise.all(all.slice(0, half).map(([name, subject]) => watch(name, subject)));
      await Promise.all(all.slice(half).map(([name, subject]) => watch(name, subject)));
      assert.deepEqual(late, []);
    });
  });
}
