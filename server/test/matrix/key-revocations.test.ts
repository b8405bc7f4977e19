import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTestApp, standingClock } from '../app.ts';
import { createClient, ok } from '../client.ts';
import { testDatabases } from '../databases.ts';
import { keyOwner, type MadeKey, ROLES, ROUTES, service, use } from '../key-verbs.ts';
import { runningTime } from '../running-time.ts';
import { atOnce, refused, type Scene, tally } from '../scenario.ts';
import { createWorld, giveRoles, type World } from './world.ts';

/** The contract's bound for instances that share only a database. Milliseconds of running time. */
const KNOWN_EVERYWHERE_AFTER = 1000;

interface Subject extends MadeKey {
  token: string;
  userId: string;
  roleId: string;
  accountId: string;
}

interface Revocation {
  of: 'person' | 'service';
  revoke(w: World, subject: Subject): Promise<unknown>;
  code: 'unauthenticated' | 'forbidden' | 'scope_insufficient';
}

async function root(w: World, method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<void> {
  const { statusCode, body: said } = await w.client.send(method, `/admin${path}`, { token: w.root, body });
  assert.ok(statusCode === 200 || statusCode === 204, `${method} ${path}: ${statusCode} ${said}`);
}

async function own(w: World, method: 'POST' | 'PATCH' | 'DELETE', { key, token }: Subject, path = '', body?: object) {
  const { statusCode, body: said } = await w.client.send(method, `/users/me/keys/${key.id}${path}`, { token, body });
  assert.ok(statusCode === 200 || statusCode === 204, `${method} ${path}: ${statusCode} ${said}`);
}

const ACCOUNTS = '/service-accounts';

const REVOCATIONS: Record<string, Revocation> = {
  'the key is revoked': { of: 'person', revoke: (w, s) => own(w, 'DELETE', s), code: 'unauthenticated' },
  'the key is narrowed': {
    of: 'person',
    revoke: (w, s) => own(w, 'PATCH', s, '', { scopes: [ROLES] }),
    code: 'scope_insufficient',
  },
  'the key gets another network': {
    of: 'person',
    revoke: (w, s) => own(w, 'PATCH', s, '', { networks: ['192.0.2.1'] }),
    code: 'unauthenticated',
  },
  'the key gets another secret': {
    of: 'person',
    revoke: (w, s) => own(w, 'POST', s, '/rotate', { overlap: '0s' }),
    code: 'unauthenticated',
  },
  'an administrator revokes the key': {
    of: 'person',
    revoke: (w, { key }) => root(w, 'DELETE', `/keys-in-use/${key.id}`),
    code: 'unauthenticated',
  },
  'the key is reported': {
    of: 'service',
    revoke: (w, { secret }) => w.client.send('POST', '/auth/keys/report', { body: { token: secret } }),
    code: 'unauthenticated',
  },
  'the role loses the permission': {
    of: 'person',
    revoke: (w, { roleId }) => root(w, 'PATCH', `/roles/${roleId}`, { permissions: [ROLES] }),
    code: 'forbidden',
  },
  'the role is taken away': {
    of: 'person',
    revoke: (w, { userId }) => giveRoles(w, userId, ['user']),
    code: 'forbidden',
  },
  'the person is deactivated': {
    of: 'person',
    revoke: (w, { userId }) => root(w, 'POST', `/users/${userId}/deactivate`),
    code: 'unauthenticated',
  },
  'the person is deleted': {
    of: 'person',
    revoke: (w, { userId }) => root(w, 'DELETE', `/users/${userId}`),
    code: 'unauthenticated',
  },
  'the person is erased': {
    of: 'person',
    revoke: (w, { userId }) => root(w, 'DELETE', `/users/${userId}?erase=true`),
    code: 'unauthenticated',
  },
  'the account loses its role': {
    of: 'service',
    revoke: (w, { accountId }) => root(w, 'PUT', `${ACCOUNTS}/${accountId}/roles`, { roles: [] }),
    code: 'forbidden',
  },
  'the account is disabled': {
    of: 'service',
    revoke: (w, { accountId }) => root(w, 'PATCH', `${ACCOUNTS}/${accountId}`, { enabled: false }),
    code: 'unauthenticated',
  },
  'the account is deleted': {
    of: 'service',
    revoke: (w, { accountId }) => root(w, 'DELETE', `${ACCOUNTS}/${accountId}`),
    code: 'unauthenticated',
  },
  'the key of the account is revoked': {
    of: 'service',
    revoke: (w, { accountId, key }) => root(w, 'DELETE', `${ACCOUNTS}/${accountId}/keys/${key.id}`),
    code: 'unauthenticated',
  },
};

const STATUS = { unauthenticated: 401, forbidden: 403, scope_insufficient: 403 } as const;

for (const database of testDatabases()) {
  describe(`keys that are taken back on ${database.name}`, () => {
    let here: World;
    /** Another instance on the same database; it learns of changes by looking. */
    let there: Scene;
    let closeAll: () => Promise<void>;

    before(async () => {
      const { url: databaseUrl, drop } = await database.freshUrl();
      const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-key-revocations-'));
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

    /** One reading may have begun before the change; the next has not. */
    async function look(): Promise<void> {
      await there.app.pollEvictions();
      await there.app.pollEvictions();
    }

    const SCOPES = { scopes: [ROUTES, ROLES] };
    const nothing = { token: '', userId: '', accountId: '' };

    /** A key that both instances remember. */
    async function newSubject({ of }: Revocation): Promise<Subject> {
      const made = of === 'person' ? await keyOwner(here, undefined, SCOPES) : await service(here, undefined, SCOPES);
      ok(await use(here, made.secret), 200);
      await look();
      ok(await use(there, made.secret), 200);
      return { ...nothing, ...made };
    }

    for (const [name, revocation] of Object.entries(REVOCATIONS)) {
      test(`${name}: the next request is refused, elsewhere after a look`, async () => {
        const { code } = revocation;
        const subject = await newSubject(revocation);
        await revocation.revoke(here, subject);
        refused(await use(here, subject.secret), STATUS[code], code);
        await look();
        refused(await use(there, subject.secret), STATUS[code], code);
      });
    }

    test('other instances look by themselves, within a second', async () => {
      const subjects: { name: string; revocation: Revocation; subject: Subject }[] = [];
      for (const [name, revocation] of Object.entries(REVOCATIONS)) {
        subjects.push({ name, revocation, subject: await newSubject(revocation) });
      }
      await look();
      for (const { subject } of subjects) ok(await use(there, subject.secret), 200);
      const late: string[] = [];
      const watch = async ({ name, revocation, subject }: (typeof subjects)[number]) => {
        await revocation.revoke(here, subject);
        const since = runningTime();
        while ((await use(there, subject.secret)).statusCode === 200) {
          if (runningTime() - since > KNOWN_EVERYWHERE_AFTER) {
            late.push(name);
            return;
          }
          await sleep(20);
        }
      };
      const half = Math.ceil(subjects.length / 2);
      await Promise.all(subjects.slice(0, half).map(watch));
      await Promise.all(subjects.slice(half).map(watch));
      assert.deepEqual(late, []);
    });

    test('a new secret works elsewhere at once, though the former one is remembered there', async () => {
      const subject = await newSubject({ ...REVOCATIONS['the key is revoked'], of: 'person' } as Revocation);
      const path = `/users/me/keys/${subject.key.id}/rotate`;
      const next = ok<MadeKey>(await here.client.send('POST', path, { token: subject.token }), 200);
      ok(await use(there, next.secret), 200);
      ok(await use(there, subject.secret), 200);
    });

    test('of fifty who rotate at two instances one does, and of fifty who revoke one', async () => {
      const { key, token } = await keyOwner(here);
      const path = `/users/me/keys/${key.id}`;
      const turn = (index: number) => (index % 2 === 0 ? here : there).client;
      const rotated = await atOnce(50, (index) => turn(index).send('POST', `${path}/rotate`, { token }));
      assert.deepEqual(tally(rotated), { '200': 1, '409 key_rotated': 49 });
      const revoked = await atOnce(50, (index) => turn(index).send('DELETE', path, { token }));
      assert.deepEqual(tally(revoked), { '204': 1, '404 key_not_found': 49 });
    });

    test('a key that is made while its person is deleted, is none', async () => {
      for (let round = 0; round < 5; round++) {
        const { token, userId, secret } = await keyOwner(here);
        ok(await use(here, secret), 200);
        const body = { name: 'Late', scopes: [ROUTES], expiresAt: '2026-12-01' };
        const [, ...made] = await Promise.all([
          root(here, 'DELETE', `/users/${userId}`),
          ...[1, 2, 3].map(() => there.client.send('POST', '/users/me/keys', { token, body })),
        ]);
        ok(await here.client.send('POST', `/admin/users/${userId}/restore`, { token: here.root }), 200);
        await look();
        const secrets = made.flatMap((answer) => (answer.statusCode === 201 ? answer.json<MadeKey>().secret : []));
        for (const late of [secret, ...secrets]) refused(await use(there, late), 401, 'unauthenticated');
      }
    });
  });
}
