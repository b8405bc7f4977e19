import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeyring } from './keyring.ts';
import { createRefusalDelay } from './refusal-delay.ts';

const keyring = (current: string) => createKeyring({ current, previous: null });
const refusal = new Error('refused');

/** The mean wait for a name, over evenly spread chances, and each single one. */
async function waitsFor(name: string, secret = 'a secret of this test') {
  const waits: number[] = [];
  let chance = 0;
  const pause = async (milliseconds: number) => void waits.push(milliseconds);
  const delayRefusal = createRefusalDelay({ keyring: keyring(secret), pause, random: () => chance });
  for (; chance < 1; chance += 1 / 256) {
    await assert.rejects(
      delayRefusal(name, () => Promise.reject(refusal)),
      refusal,
    );
  }
  return { mean: waits.reduce((sum, wait) => sum + wait) / waits.length, waits };
}

test('each name has a wait of its own between 1 and 9 ms, the same each time, and another one under another key', async () => {
  const means: number[] = [];
  for (let index = 0; index < 200; index++) {
    const { mean, waits } = await waitsFor(`somebody${index}`);
    assert.ok(waits.every((wait) => Number.isInteger(wait) && wait >= 1 && wait <= 9));
    assert.ok(Math.max(...waits) - Math.min(...waits) <= 1);
    means.push(mean);
  }
  assert.deepEqual(await waitsFor('somebody7'), await waitsFor('somebody7'));
  assert.equal((await waitsFor('somebody7')).mean, means[7]);
  assert.notEqual((await waitsFor('somebody7', 'another secret')).mean, means[7]);
  // Evenly spread, and not in whole milliseconds: who takes the mean of many tries learns nothing.
  for (let eighth = 0; eighth < 8; eighth++) {
    const share = means.filter((mean) => Math.floor(mean - 1) === eighth).length;
    assert.ok(share >= 10 && share <= 45, `${share} of 200 from ${eighth + 1} ms on`);
  }
  assert.ok(new Set(means).size > 150);
});

test('what goes well waits for nothing; an error goes on as it is, after the wait', async () => {
  const waits: number[] = [];
  const pause = async (milliseconds: number) => void waits.push(milliseconds);
  const delayRefusal = createRefusalDelay({ keyring: keyring('a secret of this test'), pause });
  assert.equal(await delayRefusal('somebody', async () => 'well'), 'well');
  assert.deepEqual(waits, []);
  await assert.rejects(
    delayRefusal('somebody', () => Promise.reject(refusal)),
    refusal,
  );
  assert.equal(waits.length, 1);
});
