import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NOW } from '../../../test/fixtures.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import type { ProofMethod } from '../../platform/http/caller.ts';
import { NEVER_PROVED } from './assurance.ts';
import { decide, type Facts, type Verdict } from './decide.ts';

const STATUSES = ['active', 'disabled', 'deleted', 'erased'] as const;
const PROOFS: ProofMethod[][] = [[], ['password'], ['email'], ['password', 'email'], ['email', 'password']];
const BOOLEANS = [true, false];

/** Written from the table of the design, one `if` after the other, and not from the code. */
function naive(facts: Facts): Verdict {
  const methods = facts.proofs.map(({ method }) => method);
  if (facts.account.status === 'disabled') return { kind: 'refuse' };
  if (facts.account.status === 'deleted') return { kind: 'refuse' };
  if (facts.account.status === 'erased') return { kind: 'refuse' };
  if (!methods.includes('password') && !methods.includes('email')) return { kind: 'refuse' };
  if (facts.policy.verifyEmail) {
    if (!facts.account.emailVerified) return { kind: 'step', step: 'verify_email' };
  }
  if (methods.includes('password')) {
    if (facts.account.mustChangePassword) return { kind: 'step', step: 'change_password' };
  }
  // Two factors are more than a password, a mailed code, or both of them.
  if (facts.account.heldAal === 2) return { kind: 'done', aal: 1, authTime: NEVER_PROVED };
  if (facts.since === null) return { kind: 'done', aal: 1, authTime: NOW };
  // Mail does not make a session fresh.
  return { kind: 'done', aal: 1, authTime: methods.includes('password') ? NOW : facts.since };
}

function allFacts(): Facts[] {
  return STATUSES.flatMap((status) =>
    BOOLEANS.flatMap((emailVerified) =>
      BOOLEANS.flatMap((mustChangePassword) =>
        BOOLEANS.flatMap((verifyEmail) =>
          ([1, 2] as const).flatMap((heldAal) =>
            [null, after(NOW, -MINUTE)].flatMap((since) =>
              PROOFS.map((methods) => ({
                account: { status, emailVerified, mustChangePassword, heldAal },
                proofs: methods.map((method) => ({ method, at: NOW })),
                since,
                policy: { verifyEmail },
              })),
            ),
          ),
        ),
      ),
    ),
  );
}

test('every combination of facts gives what the second, naive rules give', () => {
  const seen = new Set<string>();
  for (const facts of allFacts()) {
    const verdict = decide(facts);
    seen.add(JSON.stringify(verdict));
    assert.deepEqual(verdict, naive(facts), JSON.stringify(facts));
  }
  // All outcomes were met.
  assert.equal(seen.size, 6);
});

test('no fact that gets worse brings anybody further', () => {
  const rank = ({ kind }: Verdict) => ['refuse', 'step', 'done'].indexOf(kind);
  const facts = fc.constantFrom(...allFacts());
  fc.assert(
    fc.property(facts, (given) => {
      const worse: Facts[] = [
        { ...given, proofs: [] },
        { ...given, account: { ...given.account, status: 'disabled' } },
        { ...given, account: { ...given.account, emailVerified: false } },
        { ...given, account: { ...given.account, mustChangePassword: true } },
        { ...given, policy: { verifyEmail: true } },
      ];
      for (const each of worse) assert.ok(rank(decide(each)) <= rank(decide(given)));
    }),
    { seed: 7, numRuns: 500 },
  );
});
