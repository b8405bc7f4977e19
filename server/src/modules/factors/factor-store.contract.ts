import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LATER, makeEvent, makeFactors, makePasskey, makeTotp, makeTrusted, NOW } from '../../../test/fixtures.ts';
import {
  assertHistory,
  describeStore,
  itRaces,
  type Open,
  onFresh,
  race,
  theWinner,
} from '../../../test/store-contract.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { FactorsRecord, PasskeyRecord, TotpRecord } from './factor-store.ts';

const targetOf = ({ userId }: Pick<FactorsRecord, 'userId'>) => `factors:${userId}`;

/** Every adapter of the store of factors keeps this. */
export function factorStoreContract(open: Open): void {
  describeStore('FactorStore', open, (opened) => {
    const store = () => opened().storage.factors;
    const read = async ({ userId }: FactorsRecord) => (await store().find(userId)) ?? assert.fail('it is gone');

    async function begin(fields: Partial<FactorsRecord> = {}) {
      const record = makeFactors(fields);
      assert.equal(await store().begin(record), true);
      return record;
    }

    /** A record with one of everything, and the events that made it. */
    async function beginFull() {
      const record = await begin();
      const [passkey, totp] = [makePasskey(), makeTotp()];
      const events = Array.from({ length: 3 }, () => makeEvent(targetOf(record)));
      const [first, second, third] = events as [EventDraft, EventDraft, EventDraft];
      const recovery = { hashes: ['one', 'two', 'three'], createdAt: NOW };
      assert.equal(await store().addPasskey(record, passkey, {}, first), 'ok');
      assert.equal(await store().enableTotp({ ...record, version: 1 }, totp, { recovery }, second), 'ok');
      const trusted = [makeTrusted(), makeTrusted({ country: null })];
      assert.equal(await store().setTrusted({ ...record, version: 2 }, trusted, third), 'ok');
      const full: FactorsRecord = { ...record, passkeys: [passkey], totp: [totp], recovery, trusted, version: 3 };
      return { full, passkey, totp, events };
    }

    it('begins without factors and once, and gives back what was added, with its events', async () => {
      const empty = await begin();
      assert.deepEqual(await read(empty), empty);
      assert.equal(await store().begin(makeFactors({ userId: empty.userId })), false);
      assert.equal(await store().begin(makeFactors({ handle: empty.handle })), false);
      const { full, passkey, events } = await beginFull();
      assert.deepEqual(await read(full), full);
      assert.deepEqual(await store().findByHandle(full.handle), full);
      assert.deepEqual(await store().findByCredential(passkey.credentialId), full);
      const { userId, handle, credentialId } = { ...makeFactors(), ...makePasskey() };
      assert.deepEqual(
        await Promise.all([store().find(userId), store().findByHandle(handle), store().findByCredential(credentialId)]),
        [null, null, null],
      );
      await assertHistory(opened(), targetOf(full), events);
    });

    it('keeps several, in the order of their ids, with empty fields and the longest credential id', async () => {
      const record = await begin();
      const passkeys = [
        makePasskey({ credentialId: 'A'.repeat(1364), transports: [], lastUsedAt: null, lastDevice: null, counter: 0 }),
        makePasskey({ credentialId: `${'A'.repeat(1363)}a`, name: 'Schlüssel “1” 😀', backedUp: false }),
      ];
      const totp = [makeTotp({ lastUsedAt: null, lastStep: 0 }), makeTotp()];
      let version = 0;
      const at = () => ({ ...record, version: version++ });
      for (const passkey of passkeys) {
        assert.equal(await store().addPasskey(at(), passkey, {}, makeEvent(targetOf(record))), 'ok');
      }
      for (const one of totp) assert.equal(await store().enableTotp(at(), one, {}, makeEvent(targetOf(record))), 'ok');
      assert.deepEqual(await read(record), { ...record, passkeys, totp, version: 4 });
      for (const { credentialId } of passkeys) {
        assert.equal((await store().findByCredential(credentialId))?.userId, record.userId);
      }
    });

    it('renames and removes, with what goes along, and forgets the credential', async () => {
      const { full, passkey, totp, events } = await beginFull();
      const next = () => {
        const event = makeEvent(targetOf(full));
        events.push(event);
        return event;
      };
      assert.equal(await store().renamePasskey(full, passkey.id, 'Mine', next()), 'ok');
      const renamed = { ...full, passkeys: [{ ...passkey, name: 'Mine' }], version: 4 };
      assert.deepEqual(await read(full), renamed);
      assert.equal(await store().removePasskey(renamed, passkey.id, { trusted: [] }, next()), 'ok');
      assert.deepEqual(await read(full), { ...renamed, passkeys: [], trusted: [], version: 5 });
      assert.equal(await store().findByCredential(passkey.credentialId), null);
      assert.equal(await store().removeTotp({ ...full, version: 5 }, totp.id, { recovery: null }, next()), 'ok');
      const bare = { ...full, passkeys: [], totp: [], recovery: null, trusted: [], version: 6 };
      assert.deepEqual(await read(full), bare);
      const other = await begin();
      assert.equal(await store().addPasskey(other, passkey, {}, makeEvent(targetOf(other))), 'ok');
      await assertHistory(opened(), targetOf(full), events);
    });

    it('a credential belongs to one user, once', async () => {
      const { full, passkey, events } = await beginFull();
      const { full: other, events: others } = await beginFull();
      const again = () => makePasskey({ credentialId: passkey.credentialId });
      assert.equal(await store().addPasskey(other, again(), { trusted: [] }, makeEvent(targetOf(other))), 'taken');
      assert.equal(await store().addPasskey(full, again(), { trusted: [] }, makeEvent(targetOf(full))), 'taken');
      assert.deepEqual([await read(full), await read(other)], [full, other]);
      await assertHistory(opened(), targetOf(full), events);
      await assertHistory(opened(), targetOf(other), others);
    });

    it('what was decided on an earlier version or epoch, or names what is not there, changes nothing', async () => {
      const { full, passkey, totp, events } = await beginFull();
      const event = () => makeEvent(targetOf(full));
      const old = [
        { ...full, version: 2 },
        { ...full, version: 4 },
        { ...full, credentialEpoch: full.credentialEpoch - 1 },
      ];
      for (const at of old) {
        const outcomes = await Promise.all([
          store().addPasskey(at, makePasskey(), {}, event()),
          store().removePasskey(at, passkey.id, {}, event()),
          store().renamePasskey(at, passkey.id, 'x', event()),
          store().enableTotp(at, makeTotp(), {}, event()),
          store().removeTotp(at, totp.id, {}, event()),
          store().setRecovery(at, { hashes: [], createdAt: LATER }, event()),
          store().useRecoveryCode(at, 'two', event()),
          store().setTrusted(at, [], event()),
          store().setReset(at, LATER, event()),
          store().reset(at, event()),
        ]);
        assert.deepEqual(new Set(outcomes), new Set(['lost']));
      }
      const absent = await Promise.all([
        store().removePasskey(full, totp.id, {}, event()),
        store().renamePasskey(full, totp.id, 'x', event()),
        store().removeTotp(full, passkey.id, {}, event()),
        store().useRecoveryCode(full, 'four', event()),
      ]);
      assert.deepEqual(new Set(absent), new Set(['lost']));
      assert.deepEqual(await read(full), full);
      await assertHistory(opened(), targetOf(full), events);
    });

    it('a recovery code is taken away, and new ones replace the rest', async () => {
      const { full, events } = await beginFull();
      const [used, made] = [makeEvent(targetOf(full)), makeEvent(targetOf(full))];
      assert.equal(await store().useRecoveryCode(full, 'two', used), 'ok');
      const left = { ...full, recovery: { hashes: ['one', 'three'], createdAt: NOW }, version: 4 };
      assert.deepEqual(await read(full), left);
      const recovery = { hashes: ['four'], createdAt: LATER };
      assert.equal(await store().setRecovery(left, recovery, made), 'ok');
      assert.deepEqual(await read(full), { ...left, recovery, version: 5 });
      await assertHistory(opened(), targetOf(full), [...events, used, made]);
    });

    it('a time step is used once, and none before it; no event, no version', async () => {
      const { full, totp, events } = await beginFull();
      const other = makeTotp({ id: makeTotp().id });
      const use = (step: number, id = totp.id, userId = full.userId) => store().useTotp(userId, id, step, LATER);
      const { lastStep } = totp;
      assert.deepEqual([await use(lastStep), await use(lastStep - 1)], [false, false]);
      assert.deepEqual(
        [await use(lastStep + 2), await use(lastStep + 2), await use(lastStep + 1)],
        [true, false, false],
      );
      assert.deepEqual([await use(lastStep + 9, other.id), await use(lastStep + 9, totp.id, other.id)], [false, false]);
      const used: TotpRecord = { ...totp, lastStep: lastStep + 2, lastUsedAt: LATER };
      assert.deepEqual(await read(full), { ...full, totp: [used] });
      await assertHistory(opened(), targetOf(full), events);
    });

    it('a counter moves from what it was, also from 0 to 0; no event, no version', async () => {
      const { full, passkey, events } = await beginFull();
      const { counter } = passkey;
      const use = (from: number, to: number, id = passkey.id) =>
        store().usePasskey(full.userId, id, { from, to, backedUp: false, device: 'Firefox on Linux', now: LATER });
      assert.deepEqual([await use(counter - 1, 99), await use(counter, 99, full.userId)], [false, false]);
      assert.deepEqual([await use(counter, 0), await use(counter, 5), await use(0, 0)], [true, false, true]);
      const used: PasskeyRecord = {
        ...passkey,
        counter: 0,
        backedUp: false,
        lastDevice: 'Firefox on Linux',
        lastUsedAt: LATER,
      };
      assert.deepEqual(await read(full), { ...full, passkeys: [used] });
      await assertHistory(opened(), targetOf(full), events);
    });

    it('finds secrets that another key sealed, and replaces a seal while it is the one that was read', () =>
      onFresh(open, async ({ storage: { factors } }) => {
        const [one, two] = [makeFactors(), makeFactors()];
        const [old, older, own] = ['0a0a0a0a.x', '0b0b0b0b.y', '0c0c0c0c.z'].map((sealedSecret) =>
          makeTotp({ sealedSecret }),
        ) as [TotpRecord, TotpRecord, TotpRecord];
        await factors.begin(one);
        await factors.begin(two);
        await factors.enableTotp(one, own, {}, makeEvent(targetOf(one)));
        await factors.enableTotp({ ...one, version: 1 }, old, {}, makeEvent(targetOf(one)));
        await factors.enableTotp(two, older, {}, makeEvent(targetOf(two)));
        const others = async (limit = 9) => (await factors.sealedByOthers('0c0c0c0c', limit)).map(({ id }) => id);
        assert.deepEqual((await others()).sort(), [old.id, older.id].sort());
        assert.equal((await others(1)).length, 1);
        const reseal = (from: string) => factors.resealTotp(one.userId, old.id, from, '0c0c0c0c.n');
        assert.deepEqual([await reseal('0a0a0a0a.y'), await reseal(old.sealedSecret)], [false, true]);
        assert.equal(await reseal(old.sealedSecret), false);
        const record = await factors.find(one.userId);
        assert.deepEqual(record?.totp.map(({ sealedSecret }) => sealedSecret).sort(), ['0c0c0c0c.n', '0c0c0c0c.z']);
        assert.equal(record?.version, 2);
        assert.deepEqual(await factors.sealedByOthers('0c0c0c0c', 9), [
          { userId: two.userId, id: older.id, sealedSecret: older.sealedSecret },
        ]);
      }));

    it('a reset waits, is cancelled, and takes everything but the handle', () =>
      onFresh(open, async ({ storage: { factors } }) => {
        const [late, early, never] = [makeFactors(), makeFactors(), makeFactors()];
        for (const record of [late, early, never]) await factors.begin(record);
        const passkey = makePasskey();
        const event = () => makeEvent(targetOf(early));
        assert.equal(await factors.addPasskey(early, passkey, { trusted: [makeTrusted()] }, event()), 'ok');
        assert.equal(await factors.enableTotp({ ...early, version: 1 }, makeTotp(), {}, event()), 'ok');
        assert.equal(await factors.setReset({ ...early, version: 2 }, NOW, event()), 'ok');
        assert.equal(await factors.setReset(late, after(NOW, MINUTE), makeEvent(targetOf(late))), 'ok');
        const due = async (now: Date, limit = 9) => (await factors.dueResets(now, limit)).map(({ userId }) => userId);
        assert.deepEqual(await due(after(NOW, -1)), []);
        assert.deepEqual(await due(NOW), [early.userId]);
        assert.deepEqual(await due(after(NOW, MINUTE)), [early.userId, late.userId]);
        assert.deepEqual(await due(after(NOW, MINUTE), 1), [early.userId]);
        assert.equal((await factors.dueResets(NOW, 9))[0]?.passkeys[0]?.id, passkey.id);
        assert.equal(await factors.setReset({ ...late, version: 1 }, null, makeEvent(targetOf(late))), 'ok');
        assert.equal(await factors.reset({ ...early, version: 3 }, event()), 'ok');
        assert.deepEqual(await due(after(NOW, MINUTE)), []);
        assert.deepEqual(await factors.find(early.userId), { ...early, version: 4 });
        assert.equal(await factors.findByCredential(passkey.credentialId), null);
      }));

    it('what is of an earlier epoch is dropped in one write, whatever was decided on it before', async () => {
      const { full, passkey, events } = await beginFull();
      const { userId, credentialEpoch: epoch } = full;
      assert.equal(await store().renew(userId, epoch - 1, epoch + 1), false);
      assert.deepEqual(await read(full), full);
      assert.equal(await store().renew(userId, epoch, epoch + 1), true);
      assert.equal(await store().renew(userId, epoch, epoch + 1), false);
      const { handle } = full;
      const renewed = { ...makeFactors({ userId, handle }), credentialEpoch: epoch + 1, version: 3 };
      assert.deepEqual(await read(full), renewed);
      assert.equal(await store().findByCredential(passkey.credentialId), null);
      assert.equal(await store().enableTotp(full, makeTotp(), {}, makeEvent(targetOf(full))), 'lost');
      assert.deepEqual(await read(full), renewed);
      await assertHistory(opened(), targetOf(full), events);
    });

    it('of an erased user nothing is left, and their history stays', async () => {
      const { full, passkey, events } = await beginFull();
      await store().removeForUser(full.userId);
      await store().removeForUser(full.userId);
      assert.equal(await store().find(full.userId), null);
      assert.equal(await store().findByCredential(passkey.credentialId), null);
      assert.equal(await store().begin(makeFactors({ userId: full.userId })), true);
      assert.deepEqual((await read(full)).totp, []);
      await assertHistory(opened(), targetOf(full), events);
    });

    itRaces('of 50 who begin one does', async () => {
      const { userId } = makeFactors();
      const winner = theWinner(
        await race(
          () => makeFactors({ userId }),
          (record) => store().begin(record),
        ),
        true,
        false,
      );
      assert.equal((await store().find(userId))?.handle, winner.handle);
    });

    itRaces('of 50 who change one version one does, whatever they do', async (round) => {
      const { full, passkey, totp, events } = await beginFull();
      const verbs = [
        (event: EventDraft) => store().addPasskey(full, makePasskey(), {}, event),
        (event: EventDraft) => store().removePasskey(full, passkey.id, {}, event),
        (event: EventDraft) => store().removeTotp(full, totp.id, {}, event),
        (event: EventDraft) => store().enableTotp(full, makeTotp(), {}, event),
        (event: EventDraft) => store().useRecoveryCode(full, 'one', event),
        (event: EventDraft) => store().reset(full, event),
      ];
      const winner = theWinner(
        await race(
          (caller) => ({ verb: verbs[(caller + round) % verbs.length], event: makeEvent(targetOf(full)) }),
          ({ verb, event }) => verb?.(event) ?? assert.fail(),
        ),
        'ok',
        'lost',
      );
      assert.equal((await read(full)).version, 4);
      await assertHistory(opened(), targetOf(full), [...events, winner.event]);
    });

    itRaces('of 50 who use one time step one does, and of several each is used at most once', async () => {
      const { full, totp } = await beginFull();
      const use = (step: number) => store().useTotp(full.userId, totp.id, step, LATER);
      theWinner(await race(() => totp.lastStep + 1, use), true, false);
      const { all } = await race((caller) => totp.lastStep + 2 + (caller % 3), use);
      const won = all.filter(({ outcome }) => outcome).map(({ entry }) => entry);
      assert.equal(new Set(won).size, won.length);
      assert.ok(won.includes(totp.lastStep + 4));
    });

    itRaces('of 50 who move one counter one does', async () => {
      const { full, passkey } = await beginFull();
      const use = (to: number) =>
        store().usePasskey(full.userId, passkey.id, {
          from: passkey.counter,
          to,
          backedUp: true,
          device: '',
          now: LATER,
        });
      const winner = theWinner(await race((caller) => passkey.counter + 1 + caller, use), true, false);
      assert.equal((await read(full)).passkeys[0]?.counter, winner);
    });

    itRaces('of 50 users who add one credential one does', async () => {
      const credentialId = makePasskey().credentialId;
      const records = await Promise.all(Array.from({ length: 50 }, () => begin()));
      const winner = theWinner(
        await race(
          (caller) => records[caller] ?? assert.fail(),
          (record) => store().addPasskey(record, makePasskey({ credentialId }), {}, makeEvent(targetOf(record))),
        ),
        'ok',
        'taken',
      );
      assert.equal((await store().findByCredential(credentialId))?.userId, winner.userId);
    });
  });
}
