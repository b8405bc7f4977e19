import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import {
  LATER,
  makeBareEvent,
  makeEvent,
  makeId,
  makeSession,
  makeUnwritableEvent,
  NOW,
} from '../../../test/fixtures.ts';
import { createSession, ELEVATION, END, rotationOf, sessionTarget } from '../../../test/session-verbs.ts';
import { assertHistory, describeStore, itRaces, type Open, race, theWinner } from '../../../test/store-contract.ts';
import { after, DAY, MINUTE } from '../../platform/clock.ts';
import type { SessionRecord } from './session-store.ts';

/** Every adapter of the session store keeps this: sessions and their lists. */
export function sessionStoreContract(open: Open): void {
  describeStore('SessionStore', open, (opened) => {
    const sessions = () => opened().storage.sessions;
    const create = (session: SessionRecord) => createSession(opened(), session);

    it('gives back a full session as it was created', async () => {
      const { session, began } = await create(makeSession({ endedAt: NOW, endReason: 'revoked' }));
      assert.deepEqual(await sessions().find(session.id), session);
      await assertHistory(opened(), sessionTarget(session), [began]);
    });

    it('gives back nulls, false and empty lists as they were created', async () => {
      const session = makeSession({
        previousHash: null,
        rotationNonce: null,
        generation: 0,
        generationUsed: false,
        methods: [],
        aal: 1,
        organizationId: null,
        parentId: null,
        grantId: null,
        jkt: null,
        providerId: null,
        device: { browser: null, os: null, kind: 'other' },
        refreshedBy: null,
        country: null,
      });
      const event = makeBareEvent(sessionTarget(session), { pending: false, evicts: false });
      await sessions().create(session, event);
      assert.deepEqual(await sessions().find(session.id), session);
      await assertHistory(opened(), sessionTarget(session), [event]);
    });

    it('finds nothing where there is nothing', async () => {
      assert.equal(await sessions().find(makeId()), null);
      assert.deepEqual(await sessions().listOpen(makeId(), NOW), []);
      assert.deepEqual(await sessions().listLatest(makeId(), 10), []);
    });

    it('never writes over a session', async () => {
      const { session, began } = await create(makeSession());
      const again = makeSession({ id: session.id });
      assert.equal(await sessions().create(again, makeEvent(sessionTarget(session))), false);
      assert.deepEqual(await sessions().find(session.id), session);
      await assertHistory(opened(), sessionTarget(session), [began]);
    });

    it('the id of a session that has ended stays used up', async () => {
      const { session, began } = await create(makeSession({ endedAt: NOW, endReason: 'revoked' }));
      const again = makeSession({ id: session.id });
      assert.equal(await sessions().create(again, makeEvent(sessionTarget(session))), false);
      assert.deepEqual(await sessions().find(session.id), session);
      await assertHistory(opened(), sessionTarget(session), [began]);
    });

    itRaces('create: one of 50 with one id', async () => {
      const id = makeId();
      const enter = () => ({ session: makeSession({ id }), event: makeEvent(sessionTarget({ id })) });
      const result = await race(enter, ({ session, event }) => sessions().create(session, event));
      const winner = theWinner(result, true, false);
      assert.deepEqual(await sessions().find(id), winner.session);
      await assertHistory(opened(), sessionTarget({ id }), [winner.event]);
    });

    it('creates nothing when its event cannot be written', async () => {
      const session = makeSession();
      await assert.rejects(sessions().create(session, makeUnwritableEvent(sessionTarget(session))));
      assert.equal(await sessions().find(session.id), null);
      await assertHistory(opened(), sessionTarget(session), []);
    });

    it('keeps every text as it is', async () => {
      for (const text of HOSTILE_TEXTS) {
        const device = { browser: text, os: text, kind: 'other' } as const;
        const { session } = await create(makeSession({ device, refreshedBy: device, endReason: text, endedAt: NOW }));
        assert.deepEqual(await sessions().find(session.id), session);
      }
    });

    it('keeps times to the millisecond in every time zone', async () => {
      for (const time of AWKWARD_TIMES) {
        const times = { rotatedAt: time, authTime: time, createdAt: time, lastSeenAt: time };
        const ends = { idleExpiresAt: time, expiresAt: time, endedAt: time, endReason: 'ended' };
        const { session } = await create(makeSession({ ...times, ...ends }));
        assert.deepEqual(await sessions().find(session.id), session);
      }
    });

    it('takes hostile ids and hashes for what they are', async () => {
      const { session, began } = await create(makeSession());
      for (const text of HOSTILE_TEXTS) {
        assert.equal(await sessions().find(text), null);
        assert.deepEqual(await sessions().listOpen(text, NOW), []);
        assert.deepEqual(await sessions().listLatest(text, 10), []);
        await sessions().markUsed(text, session.generation, NOW);
        const event = makeEvent(sessionTarget(session));
        assert.equal(await sessions().rotate(rotationOf(session, { id: text }), event), false);
        assert.equal(await sessions().rotate(rotationOf(session, { fromHash: text }), event), false);
        assert.equal(await sessions().end({ id: text, version: 1 }, END, event), false);
        assert.equal(await sessions().elevate({ id: text, version: 1 }, ELEVATION, event), false);
      }
      assert.deepEqual(await sessions().find(session.id), session);
      await assertHistory(opened(), sessionTarget(session), [began]);
    });

    it('compares ids and hashes by every character', async () => {
      const { session } = await create(makeSession({ tokenHash: 'aBc-_XyZ' }));
      for (const fromHash of ['abc-_xyz', 'ABC-_XYZ', 'aBc-_XyZ ', 'aBc-_Xy', 'aBc-%XyZ']) {
        const rotation = rotationOf(session, { fromHash });
        assert.equal(await sessions().rotate(rotation, makeEvent(sessionTarget(session))), false, fromHash);
      }
      const other = makeSession({ id: makeId().replace(/^....../, 'abcdef') });
      await create(other);
      assert.equal(await sessions().find(other.id.toUpperCase()), null);
    });

    it('listOpen: what has neither ended nor run out, the oldest first', async () => {
      const userId = makeId();
      const now = LATER;
      const make = (minutes: number, fields: Partial<SessionRecord> = {}) =>
        makeSession({ userId, createdAt: after(NOW, minutes * MINUTE), ...fields });
      const closing = { expiresAt: after(now, 1), idleExpiresAt: after(now, 1) };
      const [middle, oldest, newest] = [make(-5), make(-9, closing), make(-1)];
      for (const session of [
        middle,
        make(-6, { endedAt: NOW, endReason: 'revoked' }),
        oldest,
        make(-7, { idleExpiresAt: now }),
        make(-4, { idleExpiresAt: after(now, -1) }),
        make(-3, { idleExpiresAt: now, expiresAt: now }),
        make(-2, { expiresAt: now }),
        newest,
        make(-8, { userId: makeId() }),
      ]) {
        await create(session);
      }
      assert.deepEqual(await sessions().listOpen(userId, now), [oldest, middle, newest]);
    });

    it('listLatest: the latest of a user, ended ones too, and no more than asked for', async () => {
      const userId = makeId();
      const made: SessionRecord[] = [];
      for (const minutes of [3, 1, 4, 0, 2]) {
        const ended = minutes % 2 ? { endedAt: NOW, endReason: 'revoked' } : {};
        made.push((await create(makeSession({ userId, createdAt: after(NOW, minutes * MINUTE), ...ended }))).session);
      }
      await create(makeSession({ createdAt: after(NOW, DAY) }));
      const byAge = made.sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
      assert.deepEqual(await sessions().listLatest(userId, 3), byAge.slice(0, 3));
      assert.deepEqual(await sessions().listLatest(userId, 50), byAge);
    });

    it('removeForUser: all of one user, ended ones too, but not their history; again does no harm', async () => {
      const userId = makeId().replace(/^....../, 'abcdef');
      const ended = { endedAt: NOW, endReason: 'revoked' };
      const made: Awaited<ReturnType<typeof create>>[] = [];
      for (const fields of [{}, ended, { idleExpiresAt: NOW, expiresAt: NOW }]) {
        made.push(await create(makeSession({ userId, ...fields })));
      }
      const { session: changed, began: beganChanged } = await create(makeSession({ userId }));
      const end = makeEvent(sessionTarget(changed));
      assert.equal(await sessions().end(changed, END, end), true);
      const { session: bystander, began } = await create(makeSession());

      const nobodies = [makeId(), changed.id, userId.toUpperCase(), `${userId} `, ...HOSTILE_TEXTS];
      for (const nobody of nobodies) await sessions().removeForUser(nobody);
      assert.equal((await sessions().listLatest(userId, 10)).length, 4);

      await Promise.all(Array.from({ length: 5 }, () => sessions().removeForUser(userId)));
      await sessions().removeForUser(userId);
      assert.deepEqual(await sessions().listLatest(userId, 10), []);
      for (const { session, began } of made) {
        assert.equal(await sessions().find(session.id), null);
        await assertHistory(opened(), sessionTarget(session), [began]);
      }
      assert.equal(await sessions().find(changed.id), null);
      await assertHistory(opened(), sessionTarget(changed), [beganChanged, end]);
      assert.deepEqual(await sessions().find(bystander.id), bystander);
      await assertHistory(opened(), sessionTarget(bystander), [began]);
    });

    it('removeForUser: what happened in an outage keeps its history', async () => {
      const session = makeSession();
      const event = makeEvent(sessionTarget(session));
      const happened = await opened().withoutEvents(() =>
        sessions()
          .create(session, event)
          .then(() => true)
          .catch(() => false),
      );
      await sessions().removeForUser(session.userId);
      assert.equal(await sessions().find(session.id), null);
      await assertHistory(opened(), sessionTarget(session), happened ? [event] : []);
    });

    itRaces('create: 50 sessions of one user, all of them', async () => {
      const userId = makeId();
      const result = await race(
        () => makeSession({ userId }),
        (session) => sessions().create(session, makeEvent(sessionTarget(session))),
      );
      const ids = result.all.map(({ entry }) => entry.id).sort();
      assert.deepEqual((await sessions().listOpen(userId, NOW)).map(({ id }) => id).sort(), ids);
    });
  });
}
