import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW } from '../../../test/fixtures.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import { amrOf, isPhishingResistant, latestProofs, proofsOf } from './names.ts';

test('an `amr` that was stored without proofs is read as a password and a mailed code', () => {
  assert.deepEqual(proofsOf(['otp', 'pwd', 'hwk'], NOW), [
    { method: 'password', at: NOW },
    { method: 'email', at: NOW },
  ]);
  assert.deepEqual(proofsOf([], NOW), []);
});

test('of two proofs of one method the later one counts, whichever comes first', () => {
  const early = { method: 'password', at: NOW } as const;
  const late = { method: 'password', at: after(NOW, MINUTE) } as const;
  const mail = { method: 'email', at: NOW } as const;
  assert.deepEqual(latestProofs([early, mail], [late]), [mail, late]);
  assert.deepEqual(latestProofs([late, mail], [early]), [late, mail]);
});

test('a token names each method once, and neither is safe from a page that imitates the server', () => {
  const proofs = (['password', 'email', 'password'] as const).map((method) => ({ method, at: NOW }));
  assert.deepEqual(amrOf(proofs), ['pwd', 'otp']);
  assert.equal(isPhishingResistant(['password', 'email']), false);
});
