import assert from 'node:assert/strict';
import { test } from 'node:test';
import { platformErrors } from '../errors.ts';
import { createLoadShedder, type LoadShedder } from './load-shedder.ts';

const BUSY = platformErrors.overloaded();
/** Room for so many. */
const withRoom = (room: number) => createLoadShedder((underWay) => (underWay >= room ? BUSY : null));

/** What the hook says to a request. */
function heard(loadShedder: LoadShedder): unknown {
  let said: unknown = 'nothing yet';
  loadShedder.onRequest(null, null, (refusal) => {
    said = refusal;
  });
  return said;
}

test('what is under way counts from its beginning to its end, also where it fails', async () => {
  const loadShedder = withRoom(2);
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  assert.equal(heard(loadShedder), undefined);
  const runs = [first, second].map(({ promise }) => loadShedder.run(() => promise));
  assert.equal(heard(loadShedder), BUSY);
  await assert.rejects(
    loadShedder.run(() => assert.fail('must not run')),
    BUSY,
  );
  first.resolve('first');
  assert.equal(await runs[0], 'first');
  assert.equal(heard(loadShedder), undefined);
  second.reject(new Error('second'));
  await assert.rejects(runs[1] ?? assert.fail(), { message: 'second' });
  await assert.rejects(
    loadShedder.run(() => {
      throw new Error('at once');
    }),
    { message: 'at once' },
  );
  const places = [first.promise, first.promise].map((promise) => loadShedder.run(() => promise));
  await assert.rejects(
    loadShedder.run(() => assert.fail('must not run')),
    BUSY,
  );
  assert.deepEqual(await Promise.all(places), ['first', 'first']);
});

test('all who come at once: as many are let in as there is room for', async () => {
  const loadShedder = withRoom(3);
  const { promise, resolve } = Promise.withResolvers<void>();
  const runs = Array.from({ length: 50 }, () => loadShedder.run(() => promise));
  resolve();
  const outcomes = await Promise.allSettled(runs);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    Array.from({ length: 50 }, (_, index) => (index < 3 ? 'fulfilled' : 'rejected')),
  );
});
