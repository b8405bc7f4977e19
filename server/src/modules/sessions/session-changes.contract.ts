import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LATER, makeEvent, makeHash, makeId, makeSession, makeUnwritableEvent, NOW } from '../../../test/fixtures.ts';
import {
  createSession,
  ELEVATION,
  rotated,
  rotationOf,
  SESSION_VERBS,
  sessionTarget,
} from '../../../test/session-verbs.ts';
import { assertHistory, describeStore, itRaces, type Open, race, theWinner } from '../../../test/store-contract.ts';
import { after } from '../../platform/clock.ts';
import type { SessionRecord } from './session-store.ts';

/** Every adapter of the session store keeps this: what becomes of a session. */
export function sessionChangesContract(open: Open): void {
  describeStore('SessionStore: changes', open, (opened) => {
    const sessions = () => opened().storage.sessions;
    const create = (session: SessionRecord) => createSession(opened(), session);

    for (const [name, verb] of Object.entries(SESSION_VERBS)) {
      it(`${name}: changes what it should and nothing else, with its event`, async () => {
        const { session, began } = await create(makeSession());
        const { act, becomes } = verb(session);
        const event = makeEvent(sessionTarget(session));
        assert.equal(await act(sessions(), event), true);
        assert.deepEqual(await sessions().find(session.id), becomes);
        await assertHistory(opened(), sessionTarget(session), [began, event]);
      });

      it(`${name}: loses on a version that has passed, is to come, or was never`, async () => {
        const { session, began } = await create(makeSession());
        const first = makeEvent(sessionTarget(session));
        assert.equal(await sessions().elevate(session, ELEVATION, first), true);
        const present = await sessions().find(session.id);
        for (const version of [1, 0, 3]) {
          const { act } = verb({ ...session, version });
          assert.equal(await act(sessions(), makeEvent(sessionTarget(session))), false);
        }
        assert.deepEqual(await sessions().find(session.id), present);
        await assertHistory(opened(), sessionTarget(session), [began, first]);
        assert.equal(await verb(makeSession()).act(sessions(), makeEvent(sessionTarget(session))), false);
      });

      it(`${name}: loses where the session has ended`, async () => {
        const { session, began } = await create(makeSession({ endedAt: NOW, endReason: 'revoked' }));
        assert.equal(await verb(session).act(sessions(), makeEvent(sessionTarget(session))), false);
        assert.deepEqual(await sessions().find(session.id), session);
        await assertHistory(opened(), sessionTarget(session), [began]);
      });

      it(`${name}: does nothing when its event cannot be written`, async () => {
        const { session, began } = await create(makeSession());
        await assert.rejects(verb(session).act(sessions(), makeUnwritableEvent(sessionTarget(session))));
        assert.deepEqual(await sessions().find(session.id), session);
        await assertHistory(opened(), sessionTarget(session), [began]);
      });

      itRaces(`${name}: one of 50 on one version`, async () => {
        const { session, began } = await create(makeSession());
        const enter = () => ({ event: makeEvent(sessionTarget(session)), verb: verb(session) });
        const result = await race(enter, (entry) => entry.verb.act(sessions(), entry.event));
        const winner = theWinner(result, true, false);
        assert.deepEqual(await sessions().find(session.id), winner.verb.becomes);
        await assertHistory(opened(), sessionTarget(session), [began, winner.event]);
      });
    }

    itRaces('one of 50 different verbs on one version', async () => {
      const { session, began } = await create(makeSession());
      const verbs = Object.values(SESSION_VERBS);
      const enter = (caller: number) => {
        const verb = verbs[caller % verbs.length] ?? assert.fail();
        return { event: makeEvent(sessionTarget(session)), verb: verb(session) };
      };
      const result = await race(enter, (entry) => entry.verb.act(sessions(), entry.event));
      const winner = theWinner(result, true, false);
      assert.deepEqual(await sessions().find(session.id), winner.verb.becomes);
      await assertHistory(opened(), sessionTarget(session), [began, winner.event]);
    });

    it('no change touches a session that differs only by id', async () => {
      const { session } = await create(makeSession({ generationUsed: false }));
      const { session: bystander } = await create({ ...session, id: makeId() });
      await sessions().markUsed(session.id, session.generation, LATER);
      let present = { ...session, generationUsed: true, lastSeenAt: LATER };
      for (const verb of Object.values(SESSION_VERBS)) {
        const { act, becomes } = verb(present);
        assert.equal(await act(sessions(), makeEvent(sessionTarget(session))), true);
        present = becomes;
        assert.deepEqual(await sessions().find(session.id), present);
      }
      assert.deepEqual(await sessions().find(bystander.id), bystander);
    });

    it('rotate: loses on another generation or hash, and where the session idled out', async () => {
      const { session, began } = await create(makeSession());
      for (const wrong of [
        { fromGeneration: session.generation - 1 },
        { fromGeneration: session.generation + 1 },
        { fromHash: session.previousHash ?? '' },
        { fromHash: makeHash() },
        { now: session.idleExpiresAt },
        { now: after(session.idleExpiresAt, 1) },
      ]) {
        assert.equal(await sessions().rotate(rotationOf(session, wrong), makeEvent(sessionTarget(session))), false);
      }
      assert.deepEqual(await sessions().find(session.id), session);
      await assertHistory(opened(), sessionTarget(session), [began]);
      const inTime = rotationOf(session, { now: after(session.idleExpiresAt, -1) });
      assert.equal(await sessions().rotate(inTime, makeEvent(sessionTarget(session))), true);
    });

    it('rotate: makes a chain, in which an old token never wins again', async () => {
      let { session } = await create(makeSession({ generation: 0, previousHash: null, rotationNonce: null }));
      const first = session;
      for (let i = 1; i <= 5; i++) {
        const rotation = rotationOf(session, { now: after(LATER, i) });
        assert.equal(await sessions().rotate(rotation, makeEvent(sessionTarget(session))), true);
        session = rotated(session, rotation);
        assert.deepEqual(await sessions().find(session.id), session);
        const replay = rotationOf(first, { version: session.version });
        assert.equal(await sessions().rotate(replay, makeEvent(sessionTarget(session))), false);
      }
      assert.equal(session.generation, 5);
    });

    it('markUsed: notes the present generation, without event or version', async () => {
      const { session, began } = await create(makeSession({ generationUsed: false }));
      await sessions().markUsed(session.id, session.generation, LATER);
      assert.deepEqual(await sessions().find(session.id), { ...session, generationUsed: true, lastSeenAt: LATER });
      await assertHistory(opened(), sessionTarget(session), [began]);
    });

    it('markUsed: another generation says nothing about the present one', async () => {
      const { session } = await create(makeSession({ generationUsed: false }));
      for (const generation of [session.generation - 1, session.generation + 1]) {
        await sessions().markUsed(session.id, generation, LATER);
        assert.equal((await sessions().find(session.id))?.generationUsed, false);
      }
    });

    it('markUsed: does not stop a rotation that was read before it', async () => {
      const { session } = await create(makeSession({ generationUsed: false }));
      await sessions().markUsed(session.id, session.generation, LATER);
      const rotation = rotationOf(session);
      assert.equal(await sessions().rotate(rotation, makeEvent(sessionTarget(session))), true);
      assert.equal((await sessions().find(session.id))?.generationUsed, false);
    });
  });
}
