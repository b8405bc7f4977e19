import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countsOf, fuzz, unreached } from './fuzz.ts';

const SEED = Number(process.env.FUZZ_SEED ?? 1);
const LIMIT = 60 * 60 * 1000;

test('250,000 hostile inputs: no 5xx, no crash, no hang, no coercion, no echo', { timeout: LIMIT }, async (t) => {
  const log = (line: string) => t.diagnostic(line);
  const tally = await fuzz({ seed: SEED, plain: 225_000, limited: 15_000, raw: 10_000, log });
  for (const line of countsOf(tally)) log(line);
  assert.equal(tally.inputs, 250_000);
  assert.deepEqual(unreached(tally), [], 'the handlers of these routes were never reached');
});
