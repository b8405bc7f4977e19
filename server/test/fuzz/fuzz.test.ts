import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countsOf, fuzz } from './fuzz.ts';

/** Another seed finds other things: `FUZZ_SEED=2 node --test server/test/fuzz/fuzz.test.ts`. */
const SEED = Number(process.env.FUZZ_SEED ?? 20_261_120);

test('6,000 hostile inputs: no 5xx, no crash, no hang, no coercion, no echo', async (t) => {
  const log = (line: string) => t.diagnostic(line);
  const tally = await fuzz({ seed: SEED, plain: 5_000, limited: 500, raw: 500, log });
  assert.equal(tally.inputs, 6_000);
  // A generator that has lost its way would pass everything else.
  const outcomes = [...tally.answers.keys()];
  for (const wanted of ['200', '202', '204', '400 validation_failed', '401 unauthenticated', '413 body_too_large']) {
    assert.ok(outcomes.includes(wanted), `${wanted} never came:\n${countsOf(tally).join('\n')}`);
  }
});
