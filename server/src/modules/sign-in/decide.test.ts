import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NOW } from '../../../test/fixtures.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import type { ProofMethod } from '../../platform/http/caller.ts';
import { NEVER_PROVED } from './assurance.ts';
import { decide, type Facts, type Verdict } from './decide.ts';

const STATUSES = ['active', 'disabled', 'deleted', 'erased'] as const;
const PROOFS: ProofMethod[][] = [
  [],
  ['password'],
  ['email'],
  ['password', 'email'],
  ['email', 'password'],
  ['totp'],
  ['recovery_code'],
  ['passkey_presence'],
  ['totp', 'recovery_code'],
  ['password', 'totp'],
  ['password', 'recovery_code'],
  ['password', 'passkey_presence'],
  ['password', 'totp', 'passkey_presence'],
  ['email', 'totp'],
  ['email', 'recovery_code'],
  ['email', 'passkey_presence'],
  ['password', 'email', 'totp'],
  ['passkey'],
  ['passkey', 'totp'],
  ['password', 'passkey'],
];
/** Factors beside the password: what they reach, and whether one keeps an imitating page out. */
const HELD = { none: [1, false], totp: [2, false], passkey: [2, true] } as const;
const DEMANDS = ['off', 'required', 'phishing_resistant'] as const;
const GRACE = [null, NOW, after(NOW, MINUTE)];
const BOOLEANS = [true, false];

/** Written from the table of the design, one `if` after the other, and not from the code. */
function naive(facts: Facts): Verdict {
  const methods = facts.proofs.map(({ method }) => method as string);
  const gave = (...names: string[]) => names.some((name) => methods.includes(name));
  if (facts.account.status === 'disabled') return { kind: 'refuse' };
  if (facts.account.status === 'deleted') return { kind: 'refuse' };
  if (facts.account.status === 'erased') return { kind: 'refuse' };
  // A second factor alone is nobody's first.
  if (!gave('password', 'email', 'passkey')) return { kind: 'refuse' };

  const isTwo = gave('passkey') || (gave('password', 'email') && gave('totp', 'recovery_code', 'passkey_presence'));
  const hasFactor = facts.account.heldAal === 2;
  const hasKey = facts.account.heldPhishingResistant;
  const demand = facts.policy.mfa;
  const hasWhatIsDemanded =
    demand === 'off' || (demand === 'required' && hasFactor) || (demand === 'phishing_resistant' && hasKey);
  const grace = facts.policy.mfaGraceUntil;
  const inGrace = grace !== null && grace.getTime() > NOW.getTime();
  let mustEnroll = false;
  if (!hasWhatIsDemanded) {
    mustEnroll = true;
    // In a running session nobody is asked before the end of the grace period, and in a sign-in not twice.
    if (inGrace && facts.since !== null) mustEnroll = false;
    if (inGrace && facts.later) mustEnroll = false;
  }
  const mustChangePassword = facts.account.mustChangePassword && gave('password');

  let mustProve = hasFactor && !isTwo;
  if (demand === 'phishing_resistant' && hasKey) {
    if (!gave('passkey', 'passkey_presence', 'recovery_code')) mustProve = true;
  }
  // A trusted browser is spared, unless the account is going to be changed.
  if (facts.trusted && !mustEnroll && !mustChangePassword) mustProve = false;
  if (mustProve) return { kind: 'step', step: 'mfa' };
  if (facts.policy.verifyEmail) {
    if (!facts.account.emailVerified) return { kind: 'step', step: 'verify_email' };
  }
  if (mustChangePassword) return { kind: 'step', step: 'change_password' };
  if (mustEnroll) return { kind: 'step', step: 'enroll_mfa' };

  const aal = isTwo ? 2 : 1;
  // Less than the account has is never fresh.
  if (aal === 1 && hasFactor) return { kind: 'done', aal, authTime: NEVER_PROVED };
  if (facts.since === null) return { kind: 'done', aal, authTime: NOW };
  // Mail does not make a session fresh.
  if (gave('passkey')) return { kind: 'done', aal, authTime: NOW };
  if (!gave('password')) return { kind: 'done', aal, authTime: facts.since };
  return { kind: 'done', aal, authTime: NOW };
}

const combine = <T extends object, Name extends string, Value>(all: T[], name: Name, values: readonly Value[]) =>
  all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }) as T & Record<Name, Value>));

function allFacts(): Facts[] {
  const withStatus = combine([{}], 'status', STATUSES);
  const withVerified = combine(withStatus, 'emailVerified', BOOLEANS);
  const withMust = combine(withVerified, 'mustChangePassword', BOOLEANS);
  const withMail = combine(withMust, 'verifyEmail', BOOLEANS);
  const withHeld = combine(withMail, 'held', Object.values(HELD));
  const withDemand = combine(withHeld, 'mfa', DEMANDS);
  const withGrace = combine(withDemand, 'mfaGraceUntil', GRACE);
  const withTrust = combine(withGrace, 'trusted', BOOLEANS);
  const withLater = combine(withTrust, 'later', BOOLEANS);
  const withSince = combine(withLater, 'since', [null, after(NOW, -MINUTE)]);
  return combine(withSince, 'methods', PROOFS).map((one) => ({
    account: {
      status: one.status,
      emailVerified: one.emailVerified,
      mustChangePassword: one.mustChangePassword,
      heldAal: one.held[0],
      heldPhishingResistant: one.held[1],
    },
    proofs: one.methods.map((method) => ({ method, at: NOW })),
    since: one.since,
    policy: { verifyEmail: one.verifyEmail, mfa: one.mfa, mfaGraceUntil: one.mfaGraceUntil },
    trusted: one.trusted,
    later: one.later,
    now: NOW,
  }));
}

const ALL = allFacts();

test('every combination of facts gives what the second, naive rules give', () => {
  const seen = new Set<string>();
  let wrong: string | null = null;
  for (const facts of ALL) {
    const [verdict, wanted] = [JSON.stringify(decide(facts)), JSON.stringify(naive(facts))];
    seen.add(verdict);
    if (verdict !== wanted) wrong ??= `${JSON.stringify(facts)}: ${verdict} instead of ${wanted}`;
  }
  assert.equal(wrong, null);
  // Refused, four steps, and five ways to be done.
  assert.equal(seen.size, 10);
});

test('no session begins without every proof that is demanded', () => {
  for (const facts of ALL) {
    const verdict = decide(facts);
    if (verdict.kind !== 'done') continue;
    const { account, policy, trusted, later, since } = facts;
    if (account.heldAal === 2 && !trusted) assert.equal(verdict.aal, 2);
    const waits = policy.mfaGraceUntil !== null && policy.mfaGraceUntil > NOW && (later || since !== null);
    if (policy.mfa === 'required' && !waits) assert.equal(account.heldAal, 2);
    if (policy.mfa === 'phishing_resistant' && !waits) assert.ok(account.heldPhishingResistant);
  }
});

test('no fact that gets worse brings anybody further', () => {
  const rank = ({ kind }: Verdict) => ['refuse', 'step', 'done'].indexOf(kind);
  fc.assert(
    fc.property(fc.nat(ALL.length - 1), (index) => {
      const given = ALL[index] ?? assert.fail();
      const { account, policy } = given;
      const worse: Facts[] = [
        { ...given, proofs: [] },
        { ...given, account: { ...account, status: 'disabled' } },
        { ...given, account: { ...account, emailVerified: false } },
        { ...given, account: { ...account, mustChangePassword: true } },
        { ...given, policy: { ...policy, verifyEmail: true } },
        { ...given, policy: { ...policy, mfaGraceUntil: null } },
        { ...given, trusted: false },
        { ...given, later: false },
        ...(policy.mfa === 'off' ? [{ ...given, policy: { ...policy, mfa: 'required' as const } }] : []),
      ];
      for (const each of worse) assert.ok(rank(decide(each)) <= rank(decide(given)), JSON.stringify(each));
    }),
    { seed: 7, numRuns: 2_000 },
  );
});
