import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { LATER, makeId, makeWorker, NOW } from '../../../test/fixtures.ts';
import { describeStore, itRaces, type Open, onFresh, race } from '../../../test/store-contract.ts';
import { after, DAY } from '../../platform/clock.ts';
import type { WorkerRecord } from './worker-store.ts';

const BEGINNING = new Date(0);
const END = new Date('2200-01-01T00:00:00.000Z');

/** Every adapter of the worker store keeps this. */
export function workerStoreContract(open: Open): void {
  describeStore('WorkerStore', open, (opened) => {
    const workers = () => opened().storage.workers;

    async function heartbeat(fields: Partial<WorkerRecord> = {}): Promise<WorkerRecord> {
      const worker = makeWorker(fields);
      await workers().heartbeat(worker);
      return worker;
    }
    const find = async (id: string) => (await workers().list(BEGINNING)).filter((worker) => worker.id === id);

    it('gives back what a heartbeat said', async () => {
      for (const fields of [{}, { active: 0, names: [] }, { pid: 2 ** 31 - 1, names: ['b.b', 'a', 'c'] }]) {
        const worker = await heartbeat(fields);
        assert.deepEqual(await find(worker.id), [worker]);
      }
    });

    it('a further heartbeat tells what is new; the start stays', async () => {
      const worker = await heartbeat();
      const other = await heartbeat();
      const again = { ...worker, seenAt: LATER, active: 0, names: ['only.this'] };
      await workers().heartbeat({ ...again, startedAt: after(worker.startedAt, 1) });
      assert.deepEqual(await find(worker.id), [again]);
      await workers().heartbeat(again);
      assert.deepEqual(await find(worker.id), [again], 'a heartbeat that changes nothing');
      assert.deepEqual(await find(other.id), [other]);
    });

    it('keeps texts as they are', async () => {
      for (const text of [...HOSTILE_TEXTS, '李'.repeat(255)]) {
        const worker = await heartbeat({ host: text, names: [text, text] });
        assert.deepEqual(await find(worker.id), [worker]);
      }
    });

    it('keeps times to the millisecond in every time zone', async () => {
      for (const time of AWKWARD_TIMES) {
        const worker = await heartbeat({ startedAt: time, seenAt: after(time, 1) });
        assert.deepEqual(await find(worker.id), [worker]);
      }
    });

    it('lists those seen at or after a time, the longest running first', () =>
      onFresh(open, async ({ storage }) => {
        const young = makeWorker({ startedAt: after(NOW, -1) });
        const old = makeWorker({ startedAt: after(NOW, -2 * DAY), seenAt: after(NOW, 1) });
        const middle = makeWorker({ startedAt: after(NOW, -2), seenAt: after(NOW, -1) });
        assert.deepEqual(await storage.workers.list(BEGINNING), []);
        for (const worker of [young, old, middle]) await storage.workers.heartbeat(worker);
        assert.deepEqual(await storage.workers.list(BEGINNING), [old, middle, young]);
        assert.deepEqual(await storage.workers.list(after(NOW, -1)), [old, middle, young]);
        assert.deepEqual(await storage.workers.list(NOW), [old, young]);
        assert.deepEqual(await storage.workers.list(after(NOW, 1)), [old]);
        assert.deepEqual(await storage.workers.list(after(NOW, 2)), []);
      }));

    it('removes one; again, or one that was never there, does no harm', async () => {
      const worker = await heartbeat();
      const other = await heartbeat();
      for (const id of [makeId(), worker.id.slice(1), `${worker.id} `, ...HOSTILE_TEXTS]) await workers().remove(id);
      assert.deepEqual(await find(worker.id), [worker]);
      await workers().remove(worker.id);
      await workers().remove(worker.id);
      assert.deepEqual(await find(worker.id), []);
      assert.deepEqual(await find(other.id), [other]);
      await workers().heartbeat(worker);
      assert.deepEqual(await find(worker.id), [worker], 'it may come back');
    });

    it('purge: forgets who was last seen before then, and says how many', () =>
      onFresh(open, async ({ storage }) => {
        const seen = [-2, -1, 0, 1].map((milliseconds) => makeWorker({ seenAt: after(NOW, milliseconds) }));
        for (const worker of seen) await storage.workers.heartbeat(worker);
        assert.equal(await storage.workers.purge(after(NOW, -2)), 0);
        assert.equal(await storage.workers.purge(NOW), 2);
        const left = (await storage.workers.list(BEGINNING)).map(({ id }) => id);
        assert.deepEqual(
          left.sort(),
          seen.slice(2).map(({ id }) => id),
        );
        assert.equal(await storage.workers.purge(END), 2);
        assert.equal(await storage.workers.purge(END), 0);
      }));

    itRaces('heartbeat: 50 of one new worker leave one', async () => {
      const worker = makeWorker();
      const heartbeats = await race(
        (caller) => ({ ...worker, active: caller, seenAt: after(NOW, caller) }),
        (entry) => workers().heartbeat(entry),
      );
      const [left, ...more] = await find(worker.id);
      assert.deepEqual(more, []);
      assert.ok(left);
      // Whichever heartbeat came last, all of it is stored.
      assert.deepEqual(left, heartbeats.all[left.active]?.entry);
    });
  });
}
