import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { LATER, makeEvent, makeId, makeKey, makeUnwritableEvent, NOW } from '../../../test/fixtures.ts';
import {
  assertHistory,
  describeStore,
  itRaces,
  type Open,
  type OpenStorage,
  onFresh,
  race,
  theWinner,
} from '../../../test/store-contract.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { KeyRecord } from './key-store.ts';

const target = (key: Pick<KeyRecord, 'id'>) => `key:${key.id}`;
const eventOf = (key: Pick<KeyRecord, 'id'>) => makeEvent(target(key), { evicts: true });

/** A key that is in the store, and the event that it came with. */
async function inserted({ storage }: OpenStorage, fields: Partial<KeyRecord> = {}) {
  const key = makeKey(fields);
  const began = eventOf(key);
  assert.equal(await storage.keys.insert(key, began), true);
  return { key, began };
}

/** Every adapter of the key store keeps this. A place is there once in a database, so most tests need one of their own. */
export function keyStoreContract(open: Open): void {
  describeStore('KeyStore', open, () => {
    it('has no keys at first, then one in each place of each use, in order', () =>
      onFresh(open, async (fresh) => {
        const { keys } = fresh.storage;
        assert.deepEqual(await keys.list(), []);
        const { key: tenth } = await inserted(fresh, { place: 10 });
        const { key: first, began } = await inserted(fresh, { activatedAt: NOW });
        const publicJwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };
        const { key: second } = await inserted(fresh, { place: 2, algorithm: 'ES256', publicJwk });
        const { key: other } = await inserted(fresh, { use: 'enc', algorithm: 'RSA-OAEP-256' });
        assert.deepEqual(await keys.list(), [other, first, second, tenth]);
        await assertHistory(fresh, target(first), [began]);

        const late = makeKey({ place: 2 });
        assert.equal(await keys.insert(late, eventOf(late)), false);
        const twin = makeKey({ id: first.id, place: 3 });
        assert.equal(await keys.insert(twin, eventOf(late)), false);
        assert.deepEqual(await keys.list(), [other, first, second, tenth]);
        await assertHistory(fresh, target(late), []);
      }));

    it('does nothing when its event cannot be written', () =>
      onFresh(open, async (fresh) => {
        const { keys } = fresh.storage;
        const key = makeKey();
        await assert.rejects(keys.insert(key, makeUnwritableEvent(target(key))));
        assert.deepEqual(await keys.list(), []);
        assert.equal(await keys.insert(key, eventOf(key)), true);
        await assert.rejects(keys.activate({ ...key, now: LATER }, makeUnwritableEvent(target(key))));
        await assert.rejects(keys.remove(key, makeUnwritableEvent(target(key))));
        assert.deepEqual(await keys.list(), [key]);
        assert.equal(await keys.activate({ ...key, now: LATER }, eventOf(key)), true);
      }));

    it('keeps a long key and awkward times as they are', () =>
      onFresh(open, async (fresh) => {
        const publicJwk = { kty: 'RSA', n: 'n'.repeat(700), e: 'AQAB', key_ops: ['verify'], ext: true };
        const sealedPrivateKey = `0a1b2c3d.${'k'.repeat(3000)}`;
        const expected: KeyRecord[] = [];
        for (const [i, time] of AWKWARD_TIMES.entries()) {
          const times = { createdAt: time, activatedAt: time };
          expected.push((await inserted(fresh, { place: i + 1, publicJwk, sealedPrivateKey, ...times })).key);
        }
        assert.deepEqual(await fresh.storage.keys.list(), expected);
      }));

    it('activate: once, at its version, and no other key', () =>
      onFresh(open, async (fresh) => {
        const { keys } = fresh.storage;
        const { key, began } = await inserted(fresh);
        const { key: bystander } = await inserted(fresh, { place: 2 });
        const refused = eventOf(key);
        for (const id of [...HOSTILE_TEXTS, makeId()]) {
          assert.equal(await keys.activate({ id, version: 1, now: LATER }, refused), false);
        }
        assert.equal(await keys.activate({ id: key.id, version: 2, now: LATER }, refused), false);
        assert.deepEqual(await keys.list(), [key, bystander]);

        const event = eventOf(key);
        assert.equal(await keys.activate({ ...key, now: LATER }, event), true);
        const active = { ...key, activatedAt: LATER, version: 2 };
        assert.deepEqual(await keys.list(), [active, bystander]);
        assert.equal(await keys.activate({ ...key, now: NOW }, refused), false);
        assert.equal(await keys.activate({ ...active, now: NOW }, refused), false, 'it is active already');
        assert.deepEqual(await keys.list(), [active, bystander]);
        await assertHistory(fresh, target(key), [began, event]);
      }));

    it('remove: at its version; its place is free again, and its history stays', () =>
      onFresh(open, async (fresh) => {
        const { keys } = fresh.storage;
        const { key, began } = await inserted(fresh);
        const { key: bystander } = await inserted(fresh, { use: 'enc' });
        const refused = eventOf(key);
        for (const id of [...HOSTILE_TEXTS, makeId()]) {
          assert.equal(await keys.remove({ id, version: 1 }, refused), false);
        }
        assert.equal(await keys.remove({ id: key.id, version: 2 }, refused), false);
        assert.deepEqual(await keys.list(), [bystander, key]);

        const event = eventOf(key);
        assert.equal(await keys.remove(key, event), true);
        assert.deepEqual(await keys.list(), [bystander]);
        assert.equal(await keys.remove(key, refused), false);
        assert.equal(await keys.activate({ ...key, now: LATER }, refused), false);
        assert.equal(await keys.reseal(key.id, key.sealedPrivateKey, 'ffffffff.XyZ'), false);
        await assertHistory(fresh, target(key), [began, event]);
        const { key: heir } = await inserted(fresh);
        assert.deepEqual(await keys.list(), [bystander, heir]);
      }));

    it('reseal: only while the old seal is there; no event, no version', () =>
      onFresh(open, async (fresh) => {
        const { keys } = fresh.storage;
        const { key, began } = await inserted(fresh, { sealedPrivateKey: '0a1b2c3d.aBc' });
        // Differs only by its id and its place.
        const { key: bystander } = await inserted(fresh, { ...key, id: makeId(), place: 2 });
        for (const text of [...HOSTILE_TEXTS, '0a1b2c3d.abc', '0a1b2c3d.aBc ']) {
          assert.equal(await keys.reseal(key.id, text, 'stolen'), false);
          assert.equal(await keys.reseal(text, key.sealedPrivateKey, 'stolen'), false);
        }
        assert.equal(await keys.reseal(makeId(), key.sealedPrivateKey, 'stolen'), false);
        assert.deepEqual(await keys.list(), [key, bystander]);

        const sealedPrivateKey = 'ffffffff.XyZ';
        assert.equal(await keys.reseal(key.id, key.sealedPrivateKey, sealedPrivateKey), true);
        assert.equal(await keys.reseal(key.id, key.sealedPrivateKey, 'again'), false);
        assert.deepEqual(await keys.list(), [{ ...key, sealedPrivateKey }, bystander]);
        await assertHistory(fresh, target(key), [began]);
      }));

    itRaces('insert: one of 50 for a place', () =>
      onFresh(open, async (fresh) => {
        const { keys } = fresh.storage;
        const committed: EventDraft[] = [];
        for (const use of ['enc', 'sig'] as const) {
          const enter = () => {
            const key = makeKey({ use });
            return { key, event: eventOf(key) };
          };
          const winner = theWinner(await race(enter, ({ key, event }) => keys.insert(key, event)), true, false);
          const found = (await keys.list()).filter((key) => key.use === use);
          assert.deepEqual(found, [winner.key]);
          await assertHistory(fresh, target(winner.key), [winner.event]);
          committed.push(winner.event);
        }
        assert.deepEqual(fresh.committed, committed);
      }),
    );

    itRaces('activate: one of 50', () =>
      onFresh(open, async (fresh) => {
        const { keys } = fresh.storage;
        const { key, began } = await inserted(fresh);
        const enter = (caller: number) => ({ now: new Date(NOW.getTime() + caller), event: eventOf(key) });
        const call = ({ now, event }: ReturnType<typeof enter>) => keys.activate({ ...key, now }, event);
        const { now, event } = theWinner(await race(enter, call), true, false);
        assert.deepEqual(await keys.list(), [{ ...key, activatedAt: now, version: 2 }]);
        await assertHistory(fresh, target(key), [began, event]);
      }),
    );

    itRaces('activate or remove: one of 50, one or the other', () =>
      onFresh(open, async (fresh) => {
        const { keys } = fresh.storage;
        const { key, began } = await inserted(fresh);
        const enter = (caller: number) => ({ activates: caller % 2 === 0, event: eventOf(key) });
        const call = ({ activates, event }: ReturnType<typeof enter>) =>
          activates ? keys.activate({ ...key, now: LATER }, event) : keys.remove(key, event);
        const { activates, event } = theWinner(await race(enter, call), true, false);
        assert.deepEqual(await keys.list(), activates ? [{ ...key, activatedAt: LATER, version: 2 }] : []);
        await assertHistory(fresh, target(key), [began, event]);
      }),
    );

    itRaces('reseal: one of 50 from one seal', () =>
      onFresh(open, async (fresh) => {
        const { keys } = fresh.storage;
        const { key } = await inserted(fresh);
        const result = await race(
          (caller) => `ffffffff.${caller}`,
          (sealed) => keys.reseal(key.id, key.sealedPrivateKey, sealed),
        );
        const sealedPrivateKey = theWinner(result, true, false);
        assert.deepEqual(await keys.list(), [{ ...key, sealedPrivateKey }]);
      }),
    );
  });
}
