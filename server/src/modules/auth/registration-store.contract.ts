import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import {
  LATER,
  makeBareEvent,
  makeEvent,
  makeId,
  makeRegistration,
  makeUnwritableEvent,
  NOW,
} from '../../../test/fixtures.ts';
import { assertHistory, describeStore, itRaces, type Open, race, theWinner } from '../../../test/store-contract.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { RegistrationRecord } from './registration-store.ts';

const LIMIT = 5;

const target = (registration: Pick<RegistrationRecord, 'id'>) => `registration:${registration.id}`;

/** A new code with all its tries. */
const newCode = (sentAt: Date[] = [NOW, LATER]) => ({
  codeId: makeId(),
  codeOwner: null,
  keyId: 'ffffffff',
  codeExpiresAt: after(LATER, 10 * MINUTE),
  tries: 0,
  sentAt,
});

/** Every adapter of the registration store keeps this. */
export function registrationStoreContract(open: Open): void {
  describeStore('RegistrationStore', open, (opened) => {
    const registrations = () => opened().storage.registrations;

    async function create(
      registration: RegistrationRecord,
    ): Promise<{ registration: RegistrationRecord; began: EventDraft }> {
      const began = makeEvent(target(registration));
      await registrations().create(registration, began);
      return { registration, began };
    }

    it('gives back a full record as it was created', async () => {
      const { registration, began } = await create(makeRegistration());
      assert.deepEqual(await registrations().find(registration.id), registration);
      await assertHistory(opened(), target(registration), [began]);
    });

    it('gives back nulls and empty lists as they were created', async () => {
      const nothing = { username: null, fullName: null, phone: null, locale: null, codeOwner: null, sentAt: [] };
      const registration = makeRegistration({ ...nothing, tries: LIMIT });
      const event = makeBareEvent(target(registration), { pending: false, evicts: false });
      await registrations().create(registration, event);
      assert.deepEqual(await registrations().find(registration.id), registration);
      await assertHistory(opened(), target(registration), [event]);
    });

    it('reserves nothing: any number for one address and username', async () => {
      const names = { emailNorm: `${makeId()}@example.org`, username: 'wanted' };
      for (let i = 0; i < 3; i++) await create(makeRegistration(names));
      assert.equal((await registrations().listMailed(names.emailNorm, NOW, 9)).length, 3);
    });

    it('never writes over a registration', async () => {
      const { registration, began } = await create(makeRegistration());
      const second = makeRegistration({ id: registration.id });
      await assert.rejects(registrations().create(second, makeEvent(target(second))));
      assert.deepEqual(await registrations().find(registration.id), registration);
      await assertHistory(opened(), target(registration), [began]);
    });

    it('creates nothing when its event cannot be written', async () => {
      const registration = makeRegistration();
      await assert.rejects(registrations().create(registration, makeUnwritableEvent(target(registration))));
      assert.equal(await registrations().find(registration.id), null);
      await assertHistory(opened(), target(registration), []);
    });

    it('keeps every text as it is', async () => {
      for (const text of HOSTILE_TEXTS) {
        const names = { email: text, emailNorm: `${makeId()}${text}`, username: text, fullName: text };
        const { registration } = await create(makeRegistration({ ...names, passwordHash: text }));
        assert.deepEqual(await registrations().find(registration.id), registration);
        assert.deepEqual(await registrations().listMailed(names.emailNorm, NOW, 9), [registration]);
      }
    });

    it('has room for the longest values that the API lets in', async () => {
      const { registration } = await create(
        makeRegistration({
          email: `${'e'.repeat(308)}@example.org`,
          emailNorm: `${'n'.repeat(308)}@example.org`,
          username: '😀'.repeat(64),
          fullName: '😀'.repeat(100),
          locale: 'x'.repeat(35),
          passwordHash: 'h'.repeat(255),
          sentAt: Array.from({ length: 20 }, (_, i) => after(NOW, i)),
        }),
      );
      assert.deepEqual(await registrations().find(registration.id), registration);
    });

    it('keeps times to the millisecond in every time zone', async () => {
      for (const time of AWKWARD_TIMES) {
        const times = { codeExpiresAt: time, createdAt: time, sentAt: [after(time, 1), time, after(time, -1)] };
        const { registration } = await create(makeRegistration(times));
        assert.deepEqual(await registrations().find(registration.id), registration);
      }
    });

    it('takes hostile ids for what they are', async () => {
      for (const text of HOSTILE_TEXTS) {
        assert.equal(await registrations().find(text), null);
        assert.equal(await registrations().countTry(text, text, LIMIT, NOW), false);
        await registrations().giveBackTry(text, text);
        await registrations().remove(text);
        assert.equal(
          await registrations().resend({ id: text, version: 1 }, newCode(), makeEvent('registration:-')),
          false,
        );
        assert.deepEqual(await registrations().listMailed(text, NOW, 9), []);
      }
      await assertHistory(opened(), 'registration:-', []);
    });

    it('countTry: up to the limit, without event or version', async () => {
      const { registration, began } = await create(makeRegistration());
      const { id, codeId } = registration;
      for (let tries = 1; tries <= LIMIT; tries++) {
        assert.equal(await registrations().countTry(id, codeId, LIMIT, NOW), true);
        assert.deepEqual(await registrations().find(id), { ...registration, tries });
      }
      assert.equal(await registrations().countTry(id, codeId, LIMIT, NOW), false);
      assert.deepEqual(await registrations().find(id), { ...registration, tries: LIMIT });
      await assertHistory(opened(), target(registration), [began]);
    });

    it('countTry: not for another code, an expired one, or nobody', async () => {
      const { registration } = await create(makeRegistration({ codeId: makeId().replace(/^....../, 'abcdef') }));
      const { id, codeId, codeExpiresAt } = registration;
      assert.equal(await registrations().countTry(id, makeId(), LIMIT, NOW), false);
      assert.equal(await registrations().countTry(id, codeId.toUpperCase(), LIMIT, NOW), false);
      assert.equal(await registrations().countTry(makeId(), codeId, LIMIT, NOW), false);
      assert.equal(await registrations().countTry(id, codeId, LIMIT, codeExpiresAt), false);
      assert.equal(await registrations().countTry(id, codeId, LIMIT, after(codeExpiresAt, 1)), false);
      assert.equal(await registrations().countTry(id, codeId, 0, NOW), false);
      assert.deepEqual(await registrations().find(id), registration);
      assert.equal(await registrations().countTry(id, codeId, LIMIT, after(codeExpiresAt, -1)), true);
    });

    itRaces(`countTry: ${LIMIT} of 50`, async () => {
      const { registration } = await create(makeRegistration());
      const { tally } = await race(
        () => null,
        () => registrations().countTry(registration.id, registration.codeId, LIMIT, NOW),
      );
      assert.deepEqual(tally, { true: LIMIT, false: 50 - LIMIT });
      assert.deepEqual(await registrations().find(registration.id), { ...registration, tries: LIMIT });
    });

    it('giveBackTry: one of this code, and never below none', async () => {
      const { registration } = await create(makeRegistration({ tries: 2 }));
      const { id, codeId } = registration;
      const triesNow = async () => (await registrations().find(id))?.tries;
      await registrations().giveBackTry(id, makeId());
      assert.equal(await triesNow(), 2);
      await registrations().giveBackTry(id, codeId);
      assert.deepEqual(await registrations().find(id), { ...registration, tries: 1 });
      for (let i = 0; i < 3; i++) await registrations().giveBackTry(id, codeId);
      assert.equal(await triesNow(), 0);
      await registrations().giveBackTry(makeId(), codeId);
    });

    itRaces('giveBackTry: 50 tries taken and given back leave none', async () => {
      const { registration } = await create(makeRegistration());
      const { id, codeId } = registration;
      const result = await race(
        () => null,
        async () => {
          const counted = await registrations().countTry(id, codeId, 50, NOW);
          await registrations().giveBackTry(id, codeId);
          return counted;
        },
      );
      assert.deepEqual(result.tally, { true: 50 });
      assert.equal((await registrations().find(id))?.tries, 0);
    });

    it('resend: a new code with all its tries, with its event', async () => {
      const { registration, began } = await create(makeRegistration({ tries: LIMIT }));
      const event = makeEvent(target(registration));
      const change = newCode([...registration.sentAt, LATER]);
      assert.equal(await registrations().resend(registration, change, event), true);
      assert.deepEqual(await registrations().find(registration.id), { ...registration, ...change, version: 2 });
      await assertHistory(opened(), target(registration), [began, event]);
      assert.equal(await registrations().countTry(registration.id, registration.codeId, LIMIT, NOW), false);
      assert.equal(await registrations().countTry(registration.id, change.codeId, LIMIT, LATER), true);
    });

    it('resend: loses where the version has passed, is to come, or nobody is there', async () => {
      const { registration, began } = await create(makeRegistration());
      const event = makeEvent(target(registration));
      assert.equal(await registrations().resend(registration, newCode(), event), true);
      const present = await registrations().find(registration.id);
      for (const version of [1, 0, 3]) {
        const late = { id: registration.id, version };
        assert.equal(await registrations().resend(late, newCode(), makeEvent(target(registration))), false);
      }
      assert.deepEqual(await registrations().find(registration.id), present);
      await assertHistory(opened(), target(registration), [began, event]);
      assert.equal(await registrations().resend(makeRegistration(), newCode(), makeEvent('registration:-')), false);
    });

    it('resend: does nothing when its event cannot be written', async () => {
      const { registration, began } = await create(makeRegistration());
      const event = makeUnwritableEvent(target(registration));
      await assert.rejects(registrations().resend(registration, newCode(), event));
      assert.deepEqual(await registrations().find(registration.id), registration);
      await assertHistory(opened(), target(registration), [began]);
    });

    it('resend: the same code keeps the tries that were counted meanwhile', async () => {
      const { registration } = await create(makeRegistration());
      const { id, codeId, codeOwner, keyId, codeExpiresAt, tries } = registration;
      assert.equal(await registrations().countTry(id, codeId, LIMIT, NOW), true);
      const same = { codeId, codeOwner, keyId, codeExpiresAt, tries, sentAt: [NOW, LATER] };
      assert.equal(await registrations().resend(registration, same, makeEvent(target(registration))), true);
      // Otherwise guesses between the reading and the writing of a resend would not be counted.
      assert.equal((await registrations().find(id))?.tries, 1);
    });

    itRaces('resend: one of 50 on one version', async () => {
      const { registration, began } = await create(makeRegistration());
      const enter = () => ({ change: newCode(), event: makeEvent(target(registration)) });
      const result = await race(enter, ({ change, event }) => registrations().resend(registration, change, event));
      const winner = theWinner(result, true, false);
      assert.deepEqual(await registrations().find(registration.id), { ...registration, ...winner.change, version: 2 });
      await assertHistory(opened(), target(registration), [began, winner.event]);
    });

    it('no change touches a registration that differs only by id', async () => {
      const { registration } = await create(makeRegistration({ tries: 2 }));
      const { registration: bystander } = await create({ ...registration, id: makeId() });
      const { id, codeId } = registration;
      await registrations().giveBackTry(id, codeId);
      assert.equal(await registrations().countTry(id, codeId, LIMIT, NOW), true);
      assert.equal(await registrations().resend(registration, newCode(), makeEvent(target(registration))), true);
      await registrations().remove(id);
      assert.deepEqual(await registrations().find(bystander.id), bystander);
    });

    it('listMailed: those of one address whose code is valid, the newest first', async () => {
      const emailNorm = `${makeId()}@example.org`;
      const made: RegistrationRecord[] = [];
      for (const minutes of [-11, -3, -3, 0]) {
        const [createdAt, codeExpiresAt] = [after(NOW, minutes * MINUTE), after(NOW, (minutes + 10) * MINUTE)];
        made.push((await create(makeRegistration({ emailNorm, createdAt, codeExpiresAt }))).registration);
      }
      await create(makeRegistration({ emailNorm, sentAt: [] }));
      await create(makeRegistration());
      const [, one, two, newest] = made.map(({ id }) => id);
      const idsAt = async (now: Date, limit = 9) =>
        (await registrations().listMailed(emailNorm, now, limit)).map(({ id }) => id);
      assert.deepEqual(await idsAt(NOW), [newest, two, one]);
      assert.deepEqual(await registrations().listMailed(emailNorm, NOW, 1), made.slice(3));
      assert.deepEqual(await idsAt(after(NOW, 7 * MINUTE)), [newest]);
      assert.deepEqual(await idsAt(after(NOW, 10 * MINUTE)), []);
      for (const other of [emailNorm.toUpperCase(), `${emailNorm} `, emailNorm.slice(1)]) {
        assert.deepEqual(await registrations().listMailed(other, NOW, 9), []);
      }
    });

    it('remove: forgets one, but not its history; twice does no harm', async () => {
      const { registration, began } = await create(makeRegistration());
      const { registration: other } = await create(makeRegistration());
      for (let i = 0; i < 2; i++) await registrations().remove(registration.id);
      assert.equal(await registrations().find(registration.id), null);
      assert.deepEqual(await registrations().find(other.id), other);
      await assertHistory(opened(), target(registration), [began]);
      assert.equal(await registrations().countTry(registration.id, registration.codeId, LIMIT, NOW), false);
    });

    it('removeForEmail: all of one address, but not their history; again does no harm', async () => {
      const emailNorm = `${makeId()}@example.org`;
      const made = [
        await create(makeRegistration({ emailNorm })),
        await create(makeRegistration({ emailNorm, createdAt: after(NOW, -MINUTE), sentAt: [] })),
      ];
      // Only the canonical form decides.
      const { registration: bystander, began } = await create(makeRegistration({ email: emailNorm }));

      const nobodies = [makeId(), emailNorm.toUpperCase(), `${emailNorm} `, emailNorm.slice(1), ...HOSTILE_TEXTS];
      for (const nobody of nobodies) await registrations().removeForEmail(nobody);
      for (const { registration } of made) assert.deepEqual(await registrations().find(registration.id), registration);

      await Promise.all(Array.from({ length: 5 }, () => registrations().removeForEmail(emailNorm)));
      await registrations().removeForEmail(emailNorm);
      for (const { registration, began } of made) {
        assert.equal(await registrations().find(registration.id), null);
        await assertHistory(opened(), target(registration), [began]);
      }
      assert.deepEqual(await registrations().find(bystander.id), bystander);
      await assertHistory(opened(), target(bystander), [began]);
    });

    it('removeForEmail: what happened in an outage keeps its history', async () => {
      const registration = makeRegistration();
      const event = makeEvent(target(registration));
      const happened = await opened().withoutEvents(() =>
        registrations()
          .create(registration, event)
          .then(() => true)
          .catch(() => false),
      );
      await registrations().removeForEmail(registration.emailNorm);
      assert.equal(await registrations().find(registration.id), null);
      await assertHistory(opened(), target(registration), happened ? [event] : []);
    });
  });
}
