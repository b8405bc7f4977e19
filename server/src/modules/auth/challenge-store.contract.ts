import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { makeBareEvent, makeChallenge, makeEvent, makeId, makeUnwritableEvent, NOW } from '../../../test/fixtures.ts';
import { assertHistory, describeStore, itRaces, type Open, race, theWinner } from '../../../test/store-contract.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { ChallengeRecord } from './challenge-store.ts';

const target = (challenge: Pick<ChallengeRecord, 'id'>) => `challenge:${challenge.id}`;

/** Every adapter of the challenge store keeps this. */
export function challengeStoreContract(open: Open): void {
  describeStore('ChallengeStore', open, (opened) => {
    const challenges = () => opened().storage.challenges;

    async function create(challenge: ChallengeRecord): Promise<{ challenge: ChallengeRecord; began: EventDraft }> {
      const began = makeEvent(target(challenge));
      await challenges().create(challenge, began);
      return { challenge, began };
    }

    it('gives back a record as it was created', async () => {
      const { challenge, began } = await create(makeChallenge());
      assert.deepEqual(await challenges().find(challenge.id), challenge);
      await assertHistory(opened(), target(challenge), [began]);
    });

    it('writes an event that nobody waits for, and that evicts nothing', async () => {
      const challenge = makeChallenge();
      const event = makeBareEvent(target(challenge), { pending: false, evicts: false });
      await challenges().create(challenge, event);
      await assertHistory(opened(), target(challenge), [event]);
    });

    it('finds nothing where there is nothing', async () => {
      assert.equal(await challenges().find(makeId()), null);
      assert.deepEqual(await challenges().listValid('nobody@example.org', 'password_reset', NOW, 9), []);
    });

    it('creates nothing when its event cannot be written', async () => {
      const challenge = makeChallenge();
      await assert.rejects(challenges().create(challenge, makeUnwritableEvent(target(challenge))));
      assert.equal(await challenges().find(challenge.id), null);
      await assertHistory(opened(), target(challenge), []);
    });

    it('keeps every text as it is', async () => {
      for (const text of HOSTILE_TEXTS) {
        const { challenge } = await create(makeChallenge({ email: text, emailNorm: `${makeId()}${text}` }));
        assert.deepEqual(await challenges().find(challenge.id), challenge);
        assert.deepEqual(await challenges().listValid(challenge.emailNorm, 'password_reset', NOW, 9), [challenge]);
      }
    });

    it('keeps times to the millisecond in every time zone', async () => {
      for (const time of AWKWARD_TIMES) {
        const { challenge } = await create(makeChallenge({ createdAt: time, expiresAt: after(time, 1) }));
        assert.deepEqual(await challenges().find(challenge.id), challenge);
      }
    });

    it('takes hostile ids for what they are', async () => {
      for (const text of HOSTILE_TEXTS) assert.equal(await challenges().find(text), null);
      const { challenge } = await create(makeChallenge({ id: makeId().replace(/^....../, 'abcdef') }));
      assert.equal(await challenges().find(challenge.id.toUpperCase()), null);
      assert.equal(await challenges().find(`${challenge.id} `), null);
    });

    it('listValid: those of one address that have not expired, the newest first', async () => {
      const emailNorm = `${makeId()}@example.org`;
      const made: ChallengeRecord[] = [];
      for (const minutes of [-31, -10, -10, 0]) {
        const [createdAt, expiresAt] = [after(NOW, minutes * MINUTE), after(NOW, (minutes + 30) * MINUTE)];
        made.push((await create(makeChallenge({ emailNorm, createdAt, expiresAt }))).challenge);
      }
      await create(makeChallenge());
      const { challenge: other } = await create(makeChallenge({ emailNorm, purpose: 'email_sign_in' }));
      assert.deepEqual(await challenges().listValid(emailNorm, 'email_sign_in', NOW, 9), [other]);
      const [, one, two, newest] = made.map(({ id }) => id);
      const idsAt = async (now: Date) =>
        (await challenges().listValid(emailNorm, 'password_reset', now, 9)).map(({ id }) => id);
      assert.deepEqual(await idsAt(NOW), [newest, two, one]);
      assert.deepEqual(await challenges().listValid(emailNorm, 'password_reset', NOW, 1), made.slice(3));
      assert.deepEqual(await idsAt(after(NOW, 20 * MINUTE)), [newest]);
      assert.deepEqual(await idsAt(after(NOW, 30 * MINUTE)), []);
      for (const other of [emailNorm.toUpperCase(), `${emailNorm} `, emailNorm.slice(1)]) {
        assert.deepEqual(await challenges().listValid(other, 'password_reset', NOW, 9), []);
      }
    });

    it('removeForEmail: all of one address, but not their history; again does no harm', async () => {
      const emailNorm = `${makeId()}@example.org`;
      const made = [
        await create(makeChallenge({ emailNorm })),
        await create(makeChallenge({ emailNorm, createdAt: after(NOW, -MINUTE) })),
      ];
      // Only the canonical form decides.
      const { challenge: bystander, began } = await create(makeChallenge({ email: emailNorm }));

      const nobodies = [makeId(), emailNorm.toUpperCase(), `${emailNorm} `, emailNorm.slice(1), ...HOSTILE_TEXTS];
      for (const nobody of nobodies) await challenges().removeForEmail(nobody);
      for (const { challenge } of made) assert.deepEqual(await challenges().find(challenge.id), challenge);

      await Promise.all(Array.from({ length: 5 }, () => challenges().removeForEmail(emailNorm)));
      await challenges().removeForEmail(emailNorm);
      for (const { challenge, began } of made) {
        assert.equal(await challenges().find(challenge.id), null);
        await assertHistory(opened(), target(challenge), [began]);
      }
      assert.deepEqual(await challenges().find(bystander.id), bystander);
      await assertHistory(opened(), target(bystander), [began]);
    });

    it('removeForEmail: what happened in an outage keeps its history', async () => {
      const challenge = makeChallenge();
      const event = makeEvent(target(challenge));
      const happened = await opened().withoutEvents(() =>
        challenges()
          .create(challenge, event)
          .then(() => true)
          .catch(() => false),
      );
      await challenges().removeForEmail(challenge.emailNorm);
      assert.equal(await challenges().find(challenge.id), null);
      await assertHistory(opened(), target(challenge), happened ? [event] : []);
    });

    it('countTry: as many as the limit allows, until it expires; giveBackTry takes one back, and never more', async () => {
      const { challenge, began } = await create(makeChallenge({ tries: 0 }));
      const { id, expiresAt } = challenge;
      const count = (now = NOW) => challenges().countTry(id, 3, now);
      assert.equal(await count(expiresAt), false);
      assert.deepEqual([await count(), await count(), await count(), await count()], [true, true, true, false]);
      await challenges().giveBackTry(id);
      assert.deepEqual([await count(after(expiresAt, -1)), await count()], [true, false]);
      for (let again = 0; again < 5; again++) await challenges().giveBackTry(id);
      assert.equal((await challenges().find(id))?.tries, 0);
      for (const text of [makeId(), id.toUpperCase(), ...HOSTILE_TEXTS]) {
        assert.equal(await challenges().countTry(text, 3, NOW), false);
        await challenges().giveBackTry(text);
      }
      assert.deepEqual(await challenges().find(id), challenge);
      await assertHistory(opened(), target(challenge), [began]);
    });

    it('mailAgain: with its event, for the version that was read; tries that were counted meanwhile stay', async () => {
      const { challenge, began } = await create(makeChallenge({ tries: 0 }));
      const again = makeEvent(target(challenge));
      assert.equal(await challenges().mailAgain({ ...challenge, version: 7 }, makeEvent(target(challenge))), false);
      assert.equal(await challenges().countTry(challenge.id, 3, NOW), true);
      assert.equal(await challenges().mailAgain(challenge, again), true);
      assert.equal(await challenges().mailAgain(challenge, makeEvent(target(challenge))), false);
      assert.deepEqual(await challenges().find(challenge.id), { ...challenge, tries: 1, version: 2 });
      await assertHistory(opened(), target(challenge), [began, again]);
    });

    it('remove: one, but not its history; again does no harm', async () => {
      const { challenge, began } = await create(makeChallenge());
      const { challenge: bystander } = await create(makeChallenge({ emailNorm: challenge.emailNorm }));
      for (const text of [makeId(), challenge.id.toUpperCase(), ...HOSTILE_TEXTS]) await challenges().remove(text);
      assert.deepEqual(await challenges().find(challenge.id), challenge);
      await challenges().remove(challenge.id);
      await challenges().remove(challenge.id);
      assert.equal(await challenges().find(challenge.id), null);
      assert.equal(await challenges().mailAgain(challenge, makeEvent(target(challenge))), false);
      await assertHistory(opened(), target(challenge), [began]);
      assert.deepEqual(await challenges().find(bystander.id), bystander);
    });

    itRaces('countTry: three of 50', async () => {
      const { challenge } = await create(makeChallenge({ tries: 0 }));
      const { tally } = await race(
        () => challenge.id,
        (id) => challenges().countTry(id, 3, NOW),
      );
      assert.deepEqual(tally, { true: 3, false: 47 });
      assert.equal((await challenges().find(challenge.id))?.tries, 3);
    });

    itRaces('mailAgain: one of 50', async () => {
      const { challenge, began } = await create(makeChallenge());
      const winner = theWinner(
        await race(
          () => makeEvent(target(challenge)),
          (event) => challenges().mailAgain(challenge, event),
        ),
        true,
        false,
      );
      await assertHistory(opened(), target(challenge), [began, winner]);
    });

    itRaces('create: one of 50 with one id', async () => {
      const id = makeId();
      const enter = () => ({ challenge: makeChallenge({ id }), event: makeEvent(`challenge:${id}`) });
      const call = ({ challenge, event }: ReturnType<typeof enter>) =>
        challenges()
          .create(challenge, event)
          .then(() => true)
          .catch(() => false);
      const winner = theWinner(await race(enter, call), true, false);
      assert.deepEqual(await challenges().find(id), winner.challenge);
      await assertHistory(opened(), `challenge:${id}`, [winner.event]);
    });
  });
}
