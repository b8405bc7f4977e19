import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { SessionRecord } from '../src/modules/sessions/session-store.ts';
import { after, DAY, HOUR, MINUTE } from '../src/platform/clock.ts';
import { LATER, makeChallenge, makeEvent, makeId, makeRegistration, makeSession, makeUser, NOW } from './fixtures.ts';
import { createSession, rotationOf } from './session-verbs.ts';
import { describeStore, itRaces, type Open, type OpenStorage, onFresh, race } from './store-contract.ts';

/** What began before then may go. */
const BEFORE = after(NOW, HOUR);
const ALL = { after: null, limit: 100 };

/** A thing that begins at this time: ids say when. */
const begun = (at: Date) => ({ id: makeId(at), createdAt: at });

/** Every adapter keeps this: what takes away what is over, and nothing that is not. */
export function purgeStoresContract(open: Open): void {
  describeStore('what is over', open, (opened) => {
    async function register({ storage }: OpenStorage, at: Date, codeExpiresAt: Date): Promise<string> {
      const registration = makeRegistration({ ...begun(at), codeExpiresAt });
      await storage.registrations.create(registration, makeEvent(`registration:${registration.id}`));
      return registration.id;
    }

    async function challenge({ storage }: OpenStorage, at: Date): Promise<string> {
      const made = makeChallenge(begun(at));
      await storage.challenges.create(made, makeEvent(`challenge:${made.id}`));
      return made.id;
    }

    /** Those of them that are still there, by their place. */
    async function left(ids: string[], find: (id: string) => Promise<unknown>): Promise<number[]> {
      const found = await Promise.all(ids.map(find));
      return found.flatMap((record, place) => (record === null ? [] : [place]));
    }

    it('registrations go when they began, and their code expired, before then', () =>
      onFresh(open, async (fresh) => {
        const { registrations } = fresh.storage;
        const just = after(BEFORE, -1);
        const times: [began: Date, expires: Date][] = [
          [NOW, just],
          [just, just],
          [NOW, BEFORE],
          [BEFORE, just],
          [NOW, after(BEFORE, DAY)],
        ];
        const ids: string[] = [];
        for (const [began, expires] of times) ids.push(await register(fresh, began, expires));
        assert.equal(await registrations.purge(BEFORE, 100), 2);
        assert.deepEqual(await left(ids, registrations.find), [2, 3, 4]);
        assert.equal(await registrations.purge(BEFORE, 100), 0);
      }));

    it('challenges go when they began before then, to the millisecond', () =>
      onFresh(open, async (fresh) => {
        const { challenges } = fresh.storage;
        const ids: string[] = [];
        for (const began of [NOW, after(BEFORE, -1), BEFORE, LATER]) ids.push(await challenge(fresh, began));
        assert.equal(await challenges.purge(BEFORE, 100), 3);
        assert.deepEqual(await left(ids, challenges.find), [2]);
        assert.equal(await challenges.purge(BEFORE, 100), 0);
      }));

    it('no more go than asked for, the oldest first', () =>
      onFresh(open, async (fresh) => {
        const { registrations, challenges } = fresh.storage;
        const asked: string[] = [];
        const waiting: string[] = [];
        for (const minutes of [3, 1, 0, 2]) {
          asked[minutes] = await challenge(fresh, after(NOW, minutes * MINUTE));
          waiting[minutes] = await register(fresh, after(NOW, minutes * MINUTE), after(NOW, 10 * MINUTE));
        }
        for (const [store, ids] of [
          [challenges, asked],
          [registrations, waiting],
        ] as const) {
          assert.equal(await store.purge(BEFORE, 3), 3);
          assert.deepEqual(await left(ids, store.find), [3]);
          assert.equal(await store.purge(BEFORE, 3), 1);
        }
      }));

    /** Sessions by what decides on them; whether they go. */
    const SESSIONS: Record<string, [fields: Partial<SessionRecord>, goes: boolean]> = {
      'idled out': [{ idleExpiresAt: after(BEFORE, -1) }, true],
      'idles out then': [{ idleExpiresAt: BEFORE }, false],
      'is alive': [{ idleExpiresAt: after(BEFORE, 30 * DAY) }, false],
      ended: [{ idleExpiresAt: after(BEFORE, DAY), endedAt: after(BEFORE, -1), endReason: 'signed_out' }, true],
      'ended then': [{ idleExpiresAt: after(BEFORE, DAY), endedAt: BEFORE, endReason: 'signed_out' }, false],
    };

    it('sessions go when they ended or idled out before then', () =>
      onFresh(open, async (fresh) => {
        const { sessions } = fresh.storage;
        const made: [what: string, id: string, goes: boolean][] = [];
        for (const [what, [fields, goes]] of Object.entries(SESSIONS)) {
          const { session } = await createSession(fresh, makeSession(fields));
          made.push([what, session.id, goes]);
        }
        assert.deepEqual(await sessions.purge(BEFORE, ALL), { removed: 2, last: null });
        for (const [what, id, goes] of made) assert.equal((await sessions.find(id)) === null, goes, what);
        assert.deepEqual(await sessions.purge(BEFORE, ALL), { removed: 0, last: null });
      }));

    it('sessions are looked at page by page, each once, whatever goes', () =>
      onFresh(open, async (fresh) => {
        const { sessions } = fresh.storage;
        const ids: string[] = [];
        for (let i = 0; i < 7; i++) {
          const idleExpiresAt = after(BEFORE, i % 2 === 0 ? -1 : DAY);
          ids.push((await createSession(fresh, makeSession({ idleExpiresAt }))).session.id);
        }
        const pages: { removed: number; last: string | null }[] = [];
        for (let last: string | null = null; pages.length < 10; ) {
          const page = await sessions.purge(BEFORE, { after: last, limit: 3 });
          pages.push(page);
          last = page.last;
          if (last === null) break;
        }
        assert.deepEqual(pages, [
          { removed: 2, last: ids[2] },
          { removed: 1, last: ids[5] },
          { removed: 1, last: null },
        ]);
        assert.deepEqual(await left(ids, sessions.find), [1, 3, 5]);
      }));

    it('users: those who were deleted before then and not erased, the earliest first', () =>
      onFresh(open, async ({ storage: { users } }) => {
        const user = async (deletedAt: Date | null) => {
          const made = makeUser({ deletedAt, ...(deletedAt !== null && { status: 'deleted' as const }) });
          assert.equal(await users.insert(made, makeEvent(`user:${made.id}`)), 'ok');
          return made;
        };
        const second = await user(after(BEFORE, -1));
        const first = await user(after(BEFORE, -DAY));
        await user(BEFORE);
        await user(null);
        const erased = await user(after(BEFORE, -DAY));
        const at = { id: erased.id, version: 1, now: NOW };
        const epochs = { sessionEpoch: 9, grantEpoch: 9, credentialEpoch: 9 };
        assert.equal(await users.erase(at, epochs, makeEvent(`user:${erased.id}`)), 'ok');
        assert.deepEqual(await users.listDeletedBefore(BEFORE, 100), [first.id, second.id]);
        assert.deepEqual(await users.listDeletedBefore(BEFORE, 1), [first.id]);
        const restored = { id: first.id, version: 1, now: NOW };
        const change = { status: 'active' as const, sessionEpoch: 9 };
        assert.equal(await users.setStatus(restored, change, makeEvent(`user:${first.id}`)), 'ok');
        assert.deepEqual(await users.listDeletedBefore(BEFORE, 100), [second.id]);
      }));

    itRaces('50 who purge at once take each thing away once', () =>
      onFresh(open, async (fresh) => {
        const ids: string[] = [];
        for (let i = 0; i < 20; i++) ids.push(await challenge(fresh, NOW));
        const { all } = await race(
          () => null,
          () => fresh.storage.challenges.purge(BEFORE, 100),
        );
        const removed = all.reduce((sum, { outcome }) => sum + outcome, 0);
        assert.equal(removed, ids.length);
        assert.deepEqual(await left(ids, fresh.storage.challenges.find), []);
      }),
    );

    itRaces('a session that is rotated while it is purged is either gone or goes on', async () => {
      const { session } = await createSession(opened(), makeSession({ idleExpiresAt: after(LATER, 1) }));
      const { sessions } = opened().storage;
      const [won] = await Promise.all([
        sessions.rotate(rotationOf(session), makeEvent(`session:${session.id}`)),
        sessions.purge(after(LATER, 2), { after: null, limit: 1000 }),
      ]);
      assert.equal((await sessions.find(session.id)) !== null, won);
    });
  });
}
