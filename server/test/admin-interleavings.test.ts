import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { admin, idOf } from './administration.ts';
import { ok } from './client.ts';
import { testDatabases } from './databases.ts';
import { createWorld, member, type World } from './matrix/world.ts';
import { openScene, refused, somebody, tally } from './scenario.ts';

type Moment = [store: 'users' | 'superadmins', verb: string, when: 'before' | 'after'];

/** The steps of what changes a user or the record of superadmins; each moment is one just before or after such a step. */
const VERBS = {
  superadmins: ['read', 'replace'],
  users: ['find', 'setSuperadminMark', 'setRoles', 'setStatus', 'softDelete', 'erase'],
} as const;

type Verb = (...args: unknown[]) => Promise<unknown>;

/**
 * Milliseconds that a step waits for what happens in the middle of it. The guard's readings are shared by all who ask together: what is
 * struck inside one waits for that very reading, which must then go on.
 */
const PATIENCE = 500;

/** Runs `act`, and in the middle of it, the `nth` time that it comes to a moment, all of `other`. False where it never came there. */
async function meanwhile<T>(
  w: World,
  [store, verb, when]: Moment,
  nth: number,
  { act, other }: { act: () => Promise<T>; other: () => Promise<unknown> },
): Promise<{ came: boolean; answer: T }> {
  const verbs = w.app.storage[store] as unknown as Record<string, Verb>;
  const original = verbs[verb] ?? assert.fail(verb);
  let times = 0;
  let struck: Promise<unknown> | null = null;
  const strike = async () => {
    if (struck) return;
    times += 1;
    if (times !== nth) return;
    struck = other();
    await Promise.race([struck, pause(PATIENCE, null, { ref: false })]);
  };
  verbs[verb] = async (...args) => {
    if (when === 'before') await strike();
    const result = await original(...args);
    if (when === 'after') await strike();
    return result;
  };
  try {
    const answer = await act();
    await struck;
    return { came: struck !== null, answer };
  } finally {
    verbs[verb] = original;
  }
}

/** How often a step is waited for; what has met a change reads again. */
const PASSES = 2;

/**
 * The moments to which `act` comes when nothing happens in the middle of it, each with how often up to `PASSES`: no other can be met, since
 * until something strikes all goes as it does here.
 */
async function momentsOf(w: World, act: () => Promise<unknown>): Promise<[Moment, number][]> {
  const counts = new Map<string, number>();
  const originals = Object.entries(VERBS).map(([store, names]) => {
    const verbs = w.app.storage[store as Moment[0]] as unknown as Record<string, Verb>;
    const own = names.map((verb) => [verb, verbs[verb] ?? assert.fail(verb)] as const);
    for (const [verb, original] of own) {
      verbs[verb] = (...args) => {
        counts.set(verb, (counts.get(verb) ?? 0) + 1);
        return original(...args);
      };
    }
    return () => Object.assign(verbs, Object.fromEntries(own));
  });
  try {
    await act();
  } finally {
    for (const putBack of originals) putBack();
  }
  return Object.entries(VERBS).flatMap(([store, names]) =>
    names.flatMap((verb) =>
      (['before', 'after'] as const).flatMap((when) =>
        Array.from({ length: Math.min(counts.get(verb) ?? 0, PASSES) }, (_, i): [Moment, number] => [
          [store as Moment[0], verb, when],
          i + 1,
        ]),
      ),
    ),
  );
}
const ENDS = {
  deactivate: ['POST', '/deactivate'],
  delete: ['DELETE', ''],
  erase: ['DELETE', '?erase=true'],
} as const;

for (const { name, freshUrl } of testDatabases()) {
  describe(`step by step (${name})`, () => {
    let w: World;
    before(async () => {
      w = await createWorld(await openScene({ freshUrl }));
    });
    after(() => w.close());

    const superadmins = async () => (await w.app.storage.superadmins.read()).userIds;

    for (const [what, [method, tail]] of Object.entries(ENDS)) {
      for (const first of ['grant', what]) {
        test(`parity 7: ${first === 'grant' ? `${what} inside a grant of superadmin` : `a grant of superadmin inside ${what}`}: never one who is not active`, async () => {
          const root = await idOf(w);
          const grantOf = (userId: string) => admin(w, 'PUT', `/users/${userId}/roles`, { roles: ['superadmin'] });
          const endOf = (userId: string) => admin(w, method, `/users/${userId}${tail}`);
          const created = async () =>
            ok<{ id: string }>(await admin(w, 'POST', '/users', { email: somebody().email }), 201).id;
          const takeBack = async (userId: string) =>
            ok(await admin(w, 'PUT', `/users/${userId}/roles`, { roles: [] }), 200);
          const undisturbed = await created();
          const moments = await momentsOf(w, () => (first === 'grant' ? grantOf : endOf)(undisturbed));
          if (first === 'grant') await takeBack(undisturbed);
          let strikes = 0;
          for (const [moment, nth] of moments) {
            const userId = await created();
            const grant = () => grantOf(userId);
            const end = () => endOf(userId);
            const others: Awaited<ReturnType<typeof grant>>[] = [];
            const other = async () => others.push(await (first === 'grant' ? end : grant)());
            const { came, answer } = await meanwhile(w, moment, nth, { act: first === 'grant' ? grant : end, other });
            if (came) strikes += 1;
            const said = `${moment.join(' ')} ${nth}: ${answer.statusCode} ${answer.body}; ${JSON.stringify(tally(others))}`;
            assert.ok(
              [answer, ...others].every(({ statusCode }) => statusCode < 500),
              said,
            );
            const status = (await w.app.storage.users.find(userId))?.status;
            assert.equal((await superadmins()).includes(userId), status === 'active', said);
            if (status === 'active') await takeBack(userId);
            assert.deepEqual(await superadmins(), [root], said);
          }

          assert.ok(strikes > 5, `it was met at ${strikes} moments`);
        });
      }
    }

    test('parity 7: two superadmins demote each other, one inside the other: exactly one is left', async () => {
      const one = { userId: await idOf(w), token: w.root };
      const two = await member(w, ['superadmin']);
      const demote = (by: { token: string }, whom: { userId: string }) =>
        admin(w, 'PUT', `/users/${whom.userId}/roles`, { roles: ['user'] }, by.token);
      const restore = async (winner: { token: string }, loser: { userId: string }) =>
        ok(await admin(w, 'PUT', `/users/${loser.userId}/roles`, { roles: ['superadmin'] }, winner.token), 200);
      const moments = await momentsOf(w, () => demote(one, two));
      await restore(one, two);
      let strikes = 0;
      for (const [moment, nth] of moments) {
        const { came, answer } = await meanwhile(w, moment, nth, {
          act: () => demote(one, two),
          other: () => demote(two, one),
        });
        if (came) strikes += 1;
        const left = await superadmins();
        assert.equal(left.length, 1, `${moment.join(' ')} ${nth}: ${answer.statusCode} ${answer.body}`);
        const [winner, loser] = left[0] === one.userId ? [one, two] : [two, one];
        refused(await admin(w, 'GET', '/users', undefined, loser.token), 403, 'forbidden');
        await restore(winner, loser);
      }

      assert.ok(strikes > 5, `it was met at ${strikes} moments`);
    });
  });
}
