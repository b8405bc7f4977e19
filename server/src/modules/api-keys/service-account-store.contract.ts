import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LATER, makeBareEvent, makeEvent, makeId, NOW } from '../../../test/fixtures.ts';
import {
  assertHistory,
  describeStore,
  itRaces,
  type Open,
  onFresh,
  race,
  theWinner,
} from '../../../test/store-contract.ts';
import { after, DAY } from '../../platform/clock.ts';
import type { ServiceAccountRecord, ServiceAccountStore } from './service-account-store.ts';

const targetOf = ({ id }: Pick<ServiceAccountRecord, 'id'>) => `service_account:${id}`;
const at = ({ id, version }: ServiceAccountRecord) => ({ id, version, now: LATER });

function makeServiceAccount(fields: Partial<ServiceAccountRecord> = {}): ServiceAccountRecord {
  return {
    id: makeId(),
    name: 'Nightly “export” 李 😀',
    description: 'Two\nlines',
    enabled: true,
    roleIds: [makeId(), makeId()],
    ownerIds: [makeId()],
    createdAt: after(NOW, -DAY),
    updatedAt: NOW,
    version: 1,
    ...fields,
  };
}

const makeBareAccount = () =>
  makeServiceAccount({ description: null, enabled: false, roleIds: [], ownerIds: [], name: 'x' });

/** Every adapter of the store of service accounts keeps this. */
export function serviceAccountStoreContract(open: Open): void {
  describeStore('ServiceAccountStore', open, (opened) => {
    const accounts = (): ServiceAccountStore => opened().storage.serviceAccounts;

    async function insert(account = makeServiceAccount()) {
      const event = makeEvent(targetOf(account));
      await accounts().insert(account, event);
      return { account, event };
    }

    it('gives back what was put in, empty fields too', async () => {
      for (const account of [makeServiceAccount(), makeBareAccount()]) {
        const event = makeBareEvent(targetOf(account));
        await accounts().insert(account, event);
        assert.deepEqual(await accounts().find(account.id), account);
        await assertHistory(opened(), targetOf(account), [event]);
      }
      assert.equal(await accounts().find(makeId()), null);
    });

    it('changes what is said, and is gone once removed, each with its event', async () => {
      const { account, event } = await insert();
      const [named, emptied, removed] = [1, 2, 3].map(() => makeEvent(targetOf(account)));
      assert.ok(named && emptied && removed);
      assert.equal(await accounts().patch(at(account), { name: 'other' }, named), true);
      const second = { ...account, name: 'other', updatedAt: LATER, version: 2 };
      assert.deepEqual(await accounts().find(account.id), second);
      const empty = { description: null, enabled: false, roleIds: [], ownerIds: [] };
      assert.equal(await accounts().patch(at(second), empty, emptied), true);
      const third = { ...second, ...empty, version: 3 };
      assert.deepEqual(await accounts().find(account.id), third);
      assert.equal(await accounts().patch(at(second), { name: 'late' }, makeEvent(targetOf(account))), false);
      assert.equal(await accounts().remove(at(second), makeEvent(targetOf(account))), false);
      assert.equal(await accounts().remove(at(third), removed), true);
      assert.equal(await accounts().find(account.id), null);
      assert.equal(await accounts().remove(at({ ...third, version: 4 }), makeEvent(targetOf(account))), false);
      assert.equal(await accounts().patch(at({ ...third, version: 4 }), {}, makeEvent(targetOf(account))), false);
      await assertHistory(opened(), targetOf(account), [event, named, emptied, removed]);
    });

    it('lists all, the oldest first', () =>
      onFresh(open, async ({ storage }) => {
        const made = [makeServiceAccount(), makeBareAccount(), makeServiceAccount()];
        for (const account of made) await storage.serviceAccounts.insert(account, makeEvent(targetOf(account)));
        const [first, ...rest] = made;
        assert.ok(first);
        assert.deepEqual(await storage.serviceAccounts.list(), made);
        await storage.serviceAccounts.remove(at(first), makeEvent(targetOf(first)));
        assert.deepEqual(await storage.serviceAccounts.list(), rest);
      }));

    itRaces('of 50 who change or remove an account one does', async (round) => {
      const { account, event } = await insert();
      const winner = theWinner(
        await race(
          (caller) => ({ removes: (caller + round) % 2 === 0, draft: makeEvent(targetOf(account)) }),
          ({ removes, draft }) =>
            removes ? accounts().remove(at(account), draft) : accounts().patch(at(account), { enabled: false }, draft),
        ),
        true,
        false,
      );
      assert.equal((await accounts().find(account.id)) === null, winner.removes);
      await assertHistory(opened(), targetOf(account), [event, winner.draft]);
    });
  });
}
