import assert from 'node:assert/strict';
import { it } from 'node:test';
import { makeId } from '../../../test/fixtures.ts';
import { describeStore, itRaces, type Open, onFresh, race, theWinner } from '../../../test/store-contract.ts';

/** Every adapter of the installation store keeps this. */
export function installationStoreContract(open: Open): void {
  describeStore('InstallationStore', open, () => {
    it('has no id at first, then one for good', () =>
      onFresh(open, async ({ storage: { installation } }) => {
        assert.equal(await installation.find(), null);
        const id = makeId();
        assert.equal(await installation.insert(id), true);
        assert.equal(await installation.insert(makeId()), false);
        assert.equal(await installation.insert(id), false);
        assert.equal(await installation.find(), id);
      }));

    itRaces('insert: one of 50', () =>
      onFresh(open, async ({ storage: { installation } }) => {
        const result = await race(
          () => makeId(),
          (id) => installation.insert(id),
        );
        assert.equal(await installation.find(), theWinner(result, true, false));
      }),
    );
  });
}
