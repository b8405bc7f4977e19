import assert from 'node:assert/strict';
import { it } from 'node:test';
import { HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { LATER, makeId, makeJob, NOW } from '../../../test/fixtures.ts';
import { describeStore, type Open, onFresh, race } from '../../../test/store-contract.ts';
import { after } from '../../platform/clock.ts';

/** Every adapter of the job store keeps this: copies of jobs that are in Redis. */
export function jobPromisesContract(open: Open): void {
  describeStore('JobStore, promises', open, (opened) => {
    const jobs = () => opened().storage.jobs;
    const handedIds = async (now: Date) => (await jobs().handed(now, 1000)).map(({ id }) => id);

    it('a handed job comes back as it went in, when it is to be looked after', async () => {
      for (const text of HOSTILE_TEXTS) {
        const job = { ...makeJob({ args: { text, nested: [{ nothing: null }] } }), promised: true };
        await jobs().hand(job, LATER);
        assert.equal((await handedIds(after(LATER, -1))).includes(job.id), false);
        const found = (await jobs().handed(LATER, 1000)).find(({ id }) => id === job.id);
        assert.deepEqual(found, { ...job, runAt: null });
      }
    });

    it('no worker of the table takes it before its time, and it is in nobody’s way', async () => {
      const job = makeJob();
      await jobs().hand(job, LATER);
      const until = after(NOW, 10_000);
      assert.deepEqual(await jobs().claim(job.name, 10, { claim: makeId(), now: NOW, until }), []);
      assert.equal(await jobs().insert(makeJob({ name: job.name, uniqueKey: job.uniqueKey })), true);
      assert.equal(await jobs().retry(job.id, NOW), false);
    });

    it('handed twice it is one, and keeps the first time; 50 at once make one', async () => {
      const job = makeJob();
      await jobs().hand(job, LATER);
      await jobs().hand(job, NOW);
      assert.equal((await handedIds(NOW)).includes(job.id), false);
      const other = makeJob();
      await race(
        () => other,
        async (entry) => jobs().hand(entry, LATER),
      );
      assert.equal((await handedIds(LATER)).filter((id) => id === other.id).length, 1);
    });

    it('looked after again later; forgotten for good; of others nothing', async () => {
      const [first, second] = [makeJob(), makeJob()];
      for (const job of [first, second]) await jobs().hand(job, NOW);
      await jobs().lookAgain([first.id], LATER);
      const now = await handedIds(NOW);
      assert.deepEqual([now.includes(first.id), now.includes(second.id)], [false, true]);
      await jobs().forget([second.id, makeId()]);
      assert.equal(await jobs().find(second.id), null);
      assert.notEqual(await jobs().find(first.id), null);
      await jobs().lookAgain([], LATER);
      await jobs().forget([]);
    });

    it('what waits in the table is looked after too, until it ends; what is active or has ended is not', async () => {
      const waiting = makeJob();
      await jobs().insert(waiting);
      assert.equal((await handedIds(NOW)).includes(waiting.id), true);
      const [claim, until] = [makeId(), after(NOW, 10_000)];
      const [active] = await jobs().claim(waiting.name, 1, { claim, now: NOW, until });
      assert.equal(active?.id, waiting.id);
      assert.equal((await handedIds(LATER)).includes(waiting.id), false);
      await jobs().forget([waiting.id]);
      await jobs().lookAgain([waiting.id], NOW);
      assert.equal((await jobs().find(waiting.id))?.state, 'active');
    });

    it('when its time has come the table’s own workers have it: there may be no Redis any more', () =>
      onFresh(open, async ({ storage }) => {
        const job = makeJob();
        await storage.jobs.hand(job, LATER);
        assert.deepEqual(await storage.jobs.promote(after(LATER, -1), 3), []);
        assert.deepEqual(await storage.jobs.promote(LATER, 3), [job.name]);
        const until = after(LATER, 10_000);
        const [taken] = await storage.jobs.claim(job.name, 1, { claim: makeId(), now: LATER, until });
        assert.deepEqual(taken?.args, job.args);
      }));

    it('no more than were asked for', () =>
      onFresh(open, async ({ storage }) => {
        for (let i = 0; i < 5; i++) await storage.jobs.hand(makeJob(), after(NOW, i));
        assert.equal((await storage.jobs.handed(LATER, 3)).length, 3);
      }));
  });
}
