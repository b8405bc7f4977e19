import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import {
  LATER,
  makeBareEvent,
  makeEvent,
  makeHash,
  makeId,
  makeSession,
  makeUnwritableEvent,
  NOW,
} from '../../../test/fixtures.ts';
import { assertHistory, describeStore, itRaces, type Open, race, theWinner } from '../../../test/store-contract.ts';
import { after, DAY, MINUTE } from '../../platform/clock.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { Rotation, SessionRecord, SessionStore } from './session-store.ts';

const target = (session: Pick<SessionRecord, 'id'>) => `session:${session.id}`;

/** The rotation that a client with the present token asks for. */
function rotationOf(session: SessionRecord, fields: Partial<Rotation> = {}): Rotation {
  return {
    id: session.id,
    version: session.version,
    fromGeneration: session.generation,
    fromHash: session.tokenHash,
    toHash: makeHash(),
    nonce: `0a1b2c3d.${makeHash()}`,
    now: LATER,
    idleExpiresAt: after(LATER, 30 * DAY),
    ip: '198.51.100.9',
    network: '198.51.100.0/24',
    country: null,
    ...fields,
  };
}

function rotated(session: SessionRecord, by: Rotation): SessionRecord {
  const { now, toHash, fromHash, nonce, idleExpiresAt, ip, network, country } = by;
  const chain = { tokenHash: toHash, previousHash: fromHash, rotationNonce: nonce, generationUsed: false };
  const seen = { rotatedAt: now, lastSeenAt: now, idleExpiresAt, ip, network, country };
  return { ...session, ...chain, ...seen, generation: session.generation + 1, version: session.version + 1 };
}

const END = { endedAt: LATER, endReason: 'signed_out' };

/** The verbs that carry an event, each as it is called on a session, and what it makes of it. */
const VERBS = {
  rotate(session: SessionRecord) {
    const rotation = rotationOf(session);
    const act = (store: SessionStore, event: EventDraft) => store.rotate(rotation, event);
    return { act, becomes: rotated(session, rotation) };
  },
  reauthenticate(session: SessionRecord) {
    const act = (store: SessionStore, event: EventDraft) => store.reauthenticate(session, LATER, event);
    return { act, becomes: { ...session, authTime: LATER, version: session.version + 1 } };
  },
  end(session: SessionRecord) {
    const act = (store: SessionStore, event: EventDraft) => store.end(session, END, event);
    return { act, becomes: { ...session, ...END, version: session.version + 1 } };
  },
};

/** Every adapter of the session store keeps this. */
export function sessionStoreContract(open: Open): void {
  describeStore('SessionStore', open, (opened) => {
    const sessions = () => opened().storage.sessions;

    async function create(session: SessionRecord): Promise<{ session: SessionRecord; began: EventDraft }> {
      const began = makeEvent(target(session));
      await sessions().create(session, began);
      return { session, began };
    }

    it('gives back a full session as it was created', async () => {
      const { session, began } = await create(makeSession({ endedAt: NOW, endReason: 'revoked' }));
      assert.deepEqual(await sessions().find(session.id), session);
      await assertHistory(opened(), target(session), [began]);
    });

    it('gives back nulls, false and empty lists as they were created', async () => {
      const session = makeSession({
        previousHash: null,
        rotationNonce: null,
        generation: 0,
        generationUsed: false,
        amr: [],
        device: { browser: null, os: null, kind: 'other' },
        country: null,
      });
      const event = makeBareEvent(target(session), { pending: false, evicts: false });
      await sessions().create(session, event);
      assert.deepEqual(await sessions().find(session.id), session);
      await assertHistory(opened(), target(session), [event]);
    });

    it('finds nothing where there is nothing', async () => {
      assert.equal(await sessions().find(makeId()), null);
      assert.deepEqual(await sessions().listOpen(makeId(), NOW), []);
      assert.deepEqual(await sessions().listLatest(makeId(), 10), []);
    });

    it('never writes over a session', async () => {
      const { session, began } = await create(makeSession());
      await assert.rejects(sessions().create(makeSession({ id: session.id }), makeEvent(target(session))));
      assert.deepEqual(await sessions().find(session.id), session);
      await assertHistory(opened(), target(session), [began]);
    });

    it('creates nothing when its event cannot be written', async () => {
      const session = makeSession();
      await assert.rejects(sessions().create(session, makeUnwritableEvent(target(session))));
      assert.equal(await sessions().find(session.id), null);
      await assertHistory(opened(), target(session), []);
    });

    it('keeps every text as it is', async () => {
      for (const text of HOSTILE_TEXTS) {
        const device = { browser: text, os: text, kind: 'other' } as const;
        const { session } = await create(makeSession({ device, amr: [text, text], endReason: text, endedAt: NOW }));
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
        const event = makeEvent(target(session));
        assert.equal(await sessions().rotate(rotationOf(session, { id: text }), event), false);
        assert.equal(await sessions().rotate(rotationOf(session, { fromHash: text }), event), false);
        assert.equal(await sessions().end({ id: text, version: 1 }, END, event), false);
        assert.equal(await sessions().reauthenticate({ id: text, version: 1 }, NOW, event), false);
      }
      assert.deepEqual(await sessions().find(session.id), session);
      await assertHistory(opened(), target(session), [began]);
    });

    it('compares ids and hashes by every character', async () => {
      const { session } = await create(makeSession({ tokenHash: 'aBc-_XyZ' }));
      for (const fromHash of ['abc-_xyz', 'ABC-_XYZ', 'aBc-_XyZ ', 'aBc-_Xy', 'aBc-%XyZ']) {
        const rotation = rotationOf(session, { fromHash });
        assert.equal(await sessions().rotate(rotation, makeEvent(target(session))), false, fromHash);
      }
      const other = makeSession({ id: makeId().replace(/^....../, 'abcdef') });
      await create(other);
      assert.equal(await sessions().find(other.id.toUpperCase()), null);
    });

    for (const [name, verb] of Object.entries(VERBS)) {
      it(`${name}: changes what it should and nothing else, with its event`, async () => {
        const { session, began } = await create(makeSession());
        const { act, becomes } = verb(session);
        const event = makeEvent(target(session));
        assert.equal(await act(sessions(), event), true);
        assert.deepEqual(await sessions().find(session.id), becomes);
        await assertHistory(opened(), target(session), [began, event]);
      });

      it(`${name}: loses on a version that has passed, is to come, or was never`, async () => {
        const { session, began } = await create(makeSession());
        const first = makeEvent(target(session));
        assert.equal(await sessions().reauthenticate(session, LATER, first), true);
        const present = await sessions().find(session.id);
        for (const version of [1, 0, 3]) {
          const { act } = verb({ ...session, version });
          assert.equal(await act(sessions(), makeEvent(target(session))), false);
        }
        assert.deepEqual(await sessions().find(session.id), present);
        await assertHistory(opened(), target(session), [began, first]);
        assert.equal(await verb(makeSession()).act(sessions(), makeEvent(target(session))), false);
      });

      it(`${name}: loses where the session has ended`, async () => {
        const { session, began } = await create(makeSession({ endedAt: NOW, endReason: 'revoked' }));
        assert.equal(await verb(session).act(sessions(), makeEvent(target(session))), false);
        assert.deepEqual(await sessions().find(session.id), session);
        await assertHistory(opened(), target(session), [began]);
      });

      it(`${name}: does nothing when its event cannot be written`, async () => {
        const { session, began } = await create(makeSession());
        await assert.rejects(verb(session).act(sessions(), makeUnwritableEvent(target(session))));
        assert.deepEqual(await sessions().find(session.id), session);
        await assertHistory(opened(), target(session), [began]);
      });

      itRaces(`${name}: one of 50 on one version`, async () => {
        const { session, began } = await create(makeSession());
        const enter = () => ({ event: makeEvent(target(session)), verb: verb(session) });
        const result = await race(enter, (entry) => entry.verb.act(sessions(), entry.event));
        const winner = theWinner(result, true, false);
        assert.deepEqual(await sessions().find(session.id), winner.verb.becomes);
        await assertHistory(opened(), target(session), [began, winner.event]);
      });
    }

    itRaces('one of 50 different verbs on one version', async () => {
      const { session, began } = await create(makeSession());
      const verbs = Object.values(VERBS);
      const enter = (caller: number) => {
        const verb = verbs[caller % verbs.length] ?? assert.fail();
        return { event: makeEvent(target(session)), verb: verb(session) };
      };
      const result = await race(enter, (entry) => entry.verb.act(sessions(), entry.event));
      const winner = theWinner(result, true, false);
      assert.deepEqual(await sessions().find(session.id), winner.verb.becomes);
      await assertHistory(opened(), target(session), [began, winner.event]);
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
        assert.equal(await sessions().rotate(rotationOf(session, wrong), makeEvent(target(session))), false);
      }
      assert.deepEqual(await sessions().find(session.id), session);
      await assertHistory(opened(), target(session), [began]);
      const inTime = rotationOf(session, { now: after(session.idleExpiresAt, -1) });
      assert.equal(await sessions().rotate(inTime, makeEvent(target(session))), true);
    });

    it('rotate: makes a chain, in which an old token never wins again', async () => {
      let { session } = await create(makeSession({ generation: 0, previousHash: null, rotationNonce: null }));
      const first = session;
      for (let i = 1; i <= 5; i++) {
        const rotation = rotationOf(session, { now: after(LATER, i) });
        assert.equal(await sessions().rotate(rotation, makeEvent(target(session))), true);
        session = rotated(session, rotation);
        assert.deepEqual(await sessions().find(session.id), session);
        const replay = rotationOf(first, { version: session.version });
        assert.equal(await sessions().rotate(replay, makeEvent(target(session))), false);
      }
      assert.equal(session.generation, 5);
    });

    it('markUsed: notes the present generation, without event or version', async () => {
      const { session, began } = await create(makeSession({ generationUsed: false }));
      await sessions().markUsed(session.id, session.generation, LATER);
      assert.deepEqual(await sessions().find(session.id), { ...session, generationUsed: true, lastSeenAt: LATER });
      await assertHistory(opened(), target(session), [began]);
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
      assert.equal(await sessions().rotate(rotation, makeEvent(target(session))), true);
      assert.equal((await sessions().find(session.id))?.generationUsed, false);
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

    itRaces('create: 50 sessions of one user, all of them', async () => {
      const userId = makeId();
      const result = await race(
        () => makeSession({ userId }),
        (session) => sessions().create(session, makeEvent(target(session))),
      );
      const ids = result.all.map(({ entry }) => entry.id).sort();
      assert.deepEqual((await sessions().listOpen(userId, NOW)).map(({ id }) => id).sort(), ids);
    });

    itRaces('create: one of 50 with one id', async () => {
      const id = makeId();
      const enter = () => ({ session: makeSession({ id }), event: makeEvent(`session:${id}`) });
      const call = ({ session, event }: ReturnType<typeof enter>) =>
        sessions()
          .create(session, event)
          .then(() => true)
          .catch(() => false);
      const winner = theWinner(await race(enter, call), true, false);
      assert.deepEqual(await sessions().find(id), winner.session);
      await assertHistory(opened(), `session:${id}`, [winner.event]);
    });
  });
}
