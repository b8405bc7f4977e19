import assert from 'node:assert/strict';
import type { LightMyRequestResponse } from 'fastify';
import { type Problem, refused } from '../scenario.ts';
import type { Rule } from './access-table.ts';
import { type Caller, NARROWED_TO } from './cast.ts';

/** The codes by which guards refuse, and their status. */
const REFUSALS = {
  unauthenticated: 401,
  reauth_required: 401,
  forbidden: 403,
  mfa_required: 403,
  email_unverified: 403,
  credential_refused: 403,
  scope_insufficient: 403,
} as const;
export type Outcome = 'admitted' | keyof typeof REFUSALS;

const SHUT_OUT: readonly Caller[] = ['forged token', 'disabled user', 'deleted user', 'ended session'];
/** The administrator's pattern stops before sensitive routes. */
const BY_PATTERN: readonly Caller[] = ['admin', 'stale sign-in', 'narrowed key'];
const BY_RIGHT: readonly Caller[] = ['superadmin', 'exact role', 'service key'];
const BY_KEY: readonly Caller[] = ['service key', 'narrowed key'];

/** What a cell of the matrix must say. */
export function expected(code: string, rule: Rule, caller: Caller): Outcome {
  const { access, sensitive = false, fresh = false, machines = false, aal } = rule;
  const isKey = BY_KEY.includes(caller);
  const unknown = caller === 'anonymous';
  if (access === 'public') return 'admitted';
  if (access === 'byToken') return unknown || isKey || caller === 'forged token' ? 'unauthenticated' : 'admitted';
  if (access === 'optional' && unknown) return 'admitted';
  if (unknown || SHUT_OUT.includes(caller)) return 'unauthenticated';
  if (isKey && access !== 'permission' && !machines) return 'credential_refused';
  if (access === 'verified' && caller === 'unverified user') return 'email_unverified';
  if (access === 'permission') {
    if (caller === 'below MFA') return 'mfa_required';
    const permitted = BY_RIGHT.includes(caller) || (BY_PATTERN.includes(caller) && !sensitive);
    if (!permitted) return 'forbidden';
    if (caller === 'narrowed key' && code !== NARROWED_TO) return 'scope_insufficient';
    if (isKey && fresh === true) return 'credential_refused';
  }
  if (aal === 2) return 'mfa_required';
  return fresh !== false && caller === 'stale sign-in' ? 'reauth_required' : 'admitted';
}

/** What an answer says. Fails for a refusal that is no proper problem document. */
export function outcomeOf(answer: LightMyRequestResponse): Outcome {
  const isProblem = String(answer.headers['content-type']).startsWith('application/problem+json');
  const code = isProblem ? answer.json<Problem>().code : '';
  if (!isRefusal(code)) return 'admitted';
  refused(answer, REFUSALS[code], code);
  if (REFUSALS[code] === 401) assert.ok(answer.headers['www-authenticate'], 'a 401 says how to sign in');
  return code;
}

function isRefusal(code: string): code is keyof typeof REFUSALS {
  return Object.hasOwn(REFUSALS, code);
}
