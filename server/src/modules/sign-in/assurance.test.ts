import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NOW } from '../../../test/fixtures.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import { type Factor, METHODS } from '../sessions/names.ts';
import { assuranceOf, NEVER_PROVED } from './assurance.ts';

/** Methods that the server does not have yet, beside those that it has. */
const MADE_UP = {
  ...METHODS,
  totp: { factor: 'second' },
  recoveryCode: { factor: 'second' },
  passkey: { factor: 'both' },
  presence: { factor: 'second' },
  provider: { factor: 'first' },
} as const satisfies Record<string, { factor: Factor }>;
type Method = keyof typeof MADE_UP;
const NAMES = Object.keys(MADE_UP) as Method[];

/** Proofs with the minute in which each was given. */
const proofs = (given: Partial<Record<Method, number>>) =>
  Object.entries(given).map(([method, minute]) => ({ method: method as Method, at: after(NOW, minute * MINUTE) }));
const minuteOf = (time: Date) => (time.getTime() - NOW.getTime()) / MINUTE;

type Row = [given: Partial<Record<Method, number>>, aal: 1 | 2 | null, fresh?: number];

function assertRows(rows: Row[], since: number | null): void {
  for (const [given, aal, fresh] of rows) {
    const begun = since === null ? null : after(NOW, since * MINUTE);
    const assured = assuranceOf(MADE_UP, { proofs: proofs(given), since: begun, heldAal: 1 });
    const seen = assured && [assured.aal, minuteOf(assured.authTime)];
    assert.deepEqual(seen, aal && [aal, fresh], JSON.stringify(given));
  }
}

describe('what proofs amount to', () => {
  test('at a sign-in: fresh since all that makes it as strong was given', () => {
    assertRows(
      [
        [{}, null],
        [{ totp: 1 }, null],
        [{ presence: 1, recoveryCode: 1 }, null],
        [{ password: 1 }, 1, 1],
        [{ email: 1 }, 1, 1],
        [{ provider: 1 }, 1, 1],
        [{ password: 1, email: 9 }, 1, 1],
        [{ password: 9, email: 1 }, 1, 9],
        [{ password: 1, provider: 9 }, 1, 9],
        [{ passkey: 1 }, 2, 1],
        [{ password: 1, totp: 2 }, 2, 1],
        [{ password: 2, totp: 1 }, 2, 1],
        [{ email: 1, totp: 2 }, 2, 1],
        [{ password: 1, presence: 2 }, 2, 1],
      ],
      null,
    );
  });

  test('in a session: what is weaker than the session makes it no fresher, and mail never does', () => {
    assertRows(
      [
        [{ password: 0, email: 9 }, 1, 0],
        [{ email: 9 }, 1, 0],
        [{ email: 0, password: 9 }, 1, 9],
        [{ passkey: 0, password: 9 }, 2, 0],
        [{ passkey: 0, totp: 9 }, 2, 0],
        [{ passkey: 0, password: 8, totp: 9 }, 2, 8],
        [{ password: 9, totp: 0 }, 2, 0],
        [{ password: 0, totp: 9 }, 2, 0],
        [{ password: 9, totp: 8 }, 2, 8],
        [{ password: 0, totp: 0, passkey: 9 }, 2, 9],
        [{ email: 9, totp: 9, password: 0 }, 2, 0],
        [{ email: 9, totp: 9 }, 2, 0],
      ],
      0,
    );
  });

  test('who proved less than the account has is never fresh: neither on a trusted device nor by a way in without the factor', () => {
    for (const given of [{ password: 1 }, { email: 1 }, { provider: 1 }, { password: 1, email: 2 }]) {
      const assured = assuranceOf(MADE_UP, { proofs: proofs(given), since: NOW, heldAal: 2 });
      assert.deepEqual(assured, { aal: 1, authTime: NEVER_PROVED });
    }
    const both = assuranceOf(MADE_UP, { proofs: proofs({ password: 1, totp: 3 }), since: NEVER_PROVED, heldAal: 2 });
    assert.deepEqual(both, { aal: 2, authTime: after(NOW, MINUTE) });
  });

  test('whatever is proved later: no later than the latest proof that counts, and a further proof makes nobody weaker', () => {
    const given = fc.dictionary(fc.constantFrom(...NAMES), fc.integer({ min: 0, max: 20 }), { noNullPrototype: true });
    fc.assert(
      fc.property(given, fc.constantFrom(...NAMES), (some, more) => {
        const before = assuranceOf(MADE_UP, { proofs: proofs(some), since: null, heldAal: 1 });
        const later = assuranceOf(MADE_UP, { proofs: proofs({ ...some, [more]: 30 }), since: null, heldAal: 1 });
        if (before === null) return;
        assert.ok(later !== null && later.aal >= before.aal);
        // Fresh by the further proof alone: then that proof alone is as strong as the session.
        if (minuteOf(later.authTime) === 30) {
          const alone = assuranceOf(MADE_UP, { proofs: proofs({ [more]: 30 }), since: null, heldAal: 1 });
          assert.equal(alone?.aal, later.aal);
        }
      }),
      { seed: 7, numRuns: 1000 },
    );
  });
});
