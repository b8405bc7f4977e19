import assert from 'node:assert/strict';
import { it } from 'node:test';
import { happen, happenInTurn } from '../../../test/happenings.ts';
import { describeStore, evictionsOf, itRaces, type Open, onFresh, race } from '../../../test/store-contract.ts';

/** Every adapter of the event store keeps this: the feed that keeps all memories true. */
export function evictionFeedContract(open: Open): void {
  describeStore('EventStore: evictions', open, (opened) => {
    it('the feed: what evicts and nothing else, in order, a part at a time', () =>
      onFresh(open, async (fresh) => {
        const store = fresh.storage.events;
        assert.deepEqual(await store.evictionsAfter(0, 10), []);
        const targets: string[] = [];
        for (const evicts of [true, false, true, true, false, true]) {
          const { target } = await happen(fresh, { evicts, pending: false });
          if (evicts) targets.push(target);
        }
        const feed = await store.evictionsAfter(0, 10);
        assert.deepEqual(
          feed.map(({ target }) => target),
          targets,
        );
        const positions = feed.map(({ position }) => position);
        for (const [i, position] of positions.entries()) {
          assert.ok(Number.isSafeInteger(position) && position > (positions[i - 1] ?? 0), `${positions}`);
          assert.deepEqual(await store.evictionsAfter(position, 10), feed.slice(i + 1));
          assert.deepEqual(await store.evictionsAfter(position, 1), feed.slice(i + 1, i + 2));
        }
      }));

    it('the feed: a target appears for each change', async () => {
      const made = await happenInTurn(opened(), [{}, { evicts: false }, {}, {}]);
      assert.equal((await evictionsOf(opened(), made[0]?.target ?? '')).length, 3);
    });

    it('the feed: forgets up to a position, and never hands one out again', () =>
      onFresh(open, async (fresh) => {
        const store = fresh.storage.events;
        for (let i = 0; i < 4; i++) await happen(fresh);
        const feed = await store.evictionsAfter(0, 10);
        const [second, last] = [feed[1]?.position ?? 0, feed[3]?.position ?? 0];
        await store.forgetEvictions(second);
        assert.deepEqual(await store.evictionsAfter(0, 10), feed.slice(2));
        await store.forgetEvictions(last);
        assert.deepEqual(await store.evictionsAfter(0, 10), []);
        await happen(fresh);
        // Whoever has read as far as `last` would miss a position that came again.
        assert.equal((await store.evictionsAfter(last, 10)).length, 1);
      }));

    itRaces('the feed: 50 changes at once, each with a position of its own', () =>
      onFresh(open, async (fresh) => {
        const result = await race(
          () => null,
          () => happen(fresh),
        );
        const feed = await fresh.storage.events.evictionsAfter(0, 100);
        assert.equal(new Set(feed.map(({ position }) => position)).size, 50);
        assert.deepEqual(
          feed.map(({ target }) => target).sort(),
          result.all.map(({ outcome }) => outcome.target).sort(),
        );
        assert.equal(fresh.committed.length, 50);
      }),
    );
  });
}
