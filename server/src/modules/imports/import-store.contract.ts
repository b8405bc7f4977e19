import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LATER, makeEvent, makeId, makeUnwritableEvent, NOW, nextNumber } from '../../../test/fixtures.ts';
import { assertHistory, describeStore, itRaces, type Open, race, theWinner } from '../../../test/store-contract.ts';
import { noCounts } from './counts.ts';
import type { ImportRecord } from './import-store.ts';

/** Every adapter of the import store keeps this. */
export function importStoreContract(open: Open): void {
  describeStore('ImportStore', open, (opened) => {
    const imports = () => opened().storage.imports;
    const make = (fields: Partial<ImportRecord> = {}): Omit<ImportRecord, 'version'> => ({
      id: `source-${nextNumber()}`,
      fingerprint: 'a "quoted" one',
      position: 'id ’7',
      counts: { ...noCounts(), read: 7, made: 3, skipped: { email_taken: 4 }, samples: { email_taken: ['line 3'] } },
      intendedIds: [makeId(), makeId()],
      startedAt: NOW,
      updatedAt: LATER,
      finishedAt: null,
      ...fields,
    });

    it('is nothing before the first write, and then what was written last', async () => {
      const record = make();
      const target = `import:${record.id}`;
      assert.equal(await imports().find(record.id), null);
      const began = makeEvent(target);
      assert.equal(await imports().replace(0, record, began), true);
      assert.deepEqual(await imports().find(record.id), { ...record, version: 1 });
      const further = make({ id: record.id, position: 1_000_000, intendedIds: [] });
      assert.equal(await imports().replace(1, further, null), true);
      assert.deepEqual(await imports().find(record.id), { ...further, version: 2 });
      const ended = makeEvent(target);
      const last = { ...further, finishedAt: LATER };
      assert.equal(await imports().replace(2, last, ended), true);
      assert.deepEqual(await imports().find(record.id), { ...last, version: 3 });
      const history = await opened().storage.events.listForTarget(target);
      assert.deepEqual(
        history.map(({ id, seq }) => [id, seq]),
        [
          [began.id, 1],
          [ended.id, 3],
        ],
      );
    });

    it('loses on a version that has passed, or is still to come', async () => {
      const record = make();
      assert.equal(await imports().replace(1, record, null), false);
      assert.equal(await imports().replace(1, record, makeEvent(`import:${record.id}`)), false);
      assert.equal(await imports().replace(0, record, null), true);
      for (const from of [0, 2]) {
        assert.equal(await imports().replace(from, make({ id: record.id }), null), false);
        assert.equal(await imports().replace(from, make({ id: record.id }), makeEvent(`import:${record.id}`)), false);
      }
      assert.deepEqual(await imports().find(record.id), { ...record, version: 1 });
      await assertHistory(opened(), `import:${record.id}`, []);
    });

    it('does nothing when its event cannot be written', async () => {
      const record = make();
      await assert.rejects(imports().replace(0, record, makeUnwritableEvent(`import:${record.id}`)));
      assert.equal(await imports().find(record.id), null);
    });

    itRaces('replace: one of 50, at the beginning and later', async () => {
      const { id } = make();
      for (const from of [0, 1]) {
        const result = await race(
          (position) => make({ id, position }),
          (record) => imports().replace(from, record, null),
        );
        const winner = theWinner(result, true, false);
        assert.equal((await imports().find(id))?.position, winner.position);
      }
    });
  });
}
