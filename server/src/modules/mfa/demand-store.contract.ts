import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LATER, makeId, NOW } from '../../../test/fixtures.ts';
import { describeStore, itRaces, type Open, race } from '../../../test/store-contract.ts';
import type { DemandRecord } from './demand-store.ts';

/** Every adapter of the demand store keeps this. */
export function demandStoreContract(open: Open): void {
  describeStore('DemandStore', open, (opened) => {
    const demands = () => opened().storage.mfaDemands;
    const byCause = (records: DemandRecord[]) =>
      Object.fromEntries(records.map(({ cause, since }) => [cause, since.getTime() - NOW.getTime()]));
    const LATE = LATER.getTime() - NOW.getTime();

    it('keeps since when each demand is made; a later look prolongs nothing', async () => {
      const userId = makeId();
      assert.deepEqual(byCause(await demands().note(userId, ['all'], NOW)), { all: 0 });
      assert.deepEqual(byCause(await demands().note(userId, ['all'], LATER)), { all: 0 });
      assert.deepEqual(byCause(await demands().note(userId, ['all', 'role:1:required'], LATER)), {
        all: 0,
        'role:1:required': LATE,
      });
      assert.ok((await demands().note(userId, ['all'], LATER)).every((one) => one.userId === userId));
    });

    it('an earlier time counts; a demand that is gone begins anew', async () => {
      const userId = makeId();
      await demands().note(userId, ['all', 'role:1:required'], LATER);
      assert.deepEqual(byCause(await demands().note(userId, ['all'], NOW)), { all: 0 });
      const anew = await demands().note(userId, ['all', 'role:1:required'], LATER);
      assert.deepEqual(byCause(anew), { all: 0, 'role:1:required': LATE });
      for (const _ of [1, 2]) await demands().keepOnly(userId, ['all']);
      assert.deepEqual(byCause(await demands().note(userId, ['all'], LATER)), { all: 0 });
      await demands().keepOnly(userId, []);
      assert.deepEqual(await demands().note(userId, [], LATER), []);
      assert.deepEqual(byCause(await demands().note(userId, ['all'], LATER)), { all: LATE });
    });

    it('forgets one demand of everybody, or all of a user, twice if need be', async () => {
      const [ada, ben, cause] = [makeId(), makeId(), `role:${makeId()}:phishing_resistant`];
      for (const userId of [ada, ben]) await demands().note(userId, [cause, 'all'], NOW);
      for (const _ of [1, 2]) await demands().forget(cause);
      assert.deepEqual(byCause(await demands().note(ben, [cause, 'all'], LATER)), { [cause]: LATE, all: 0 });
      for (const _ of [1, 2]) await demands().removeForUser(ada);
      assert.deepEqual(byCause(await demands().note(ada, ['all'], LATER)), { all: LATE });
      assert.deepEqual(byCause(await demands().note(ben, [cause, 'all'], LATER)), { [cause]: LATE, all: 0 });
    });

    itRaces('note: 50 agree', async () => {
      const userId = makeId();
      const times = Array.from({ length: 50 }, (_, i) => new Date(NOW.getTime() + i));
      await race(
        (caller) => times[caller] ?? NOW,
        (since) => demands().note(userId, ['all'], since),
      );
      assert.deepEqual(byCause(await demands().note(userId, ['all'], LATER)), { all: 0 });
    });
  });
}
