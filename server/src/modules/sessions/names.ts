import type { ProofMethod } from '../../platform/http/caller.ts';
import type { Proof } from './session-store.ts';

/** The client of first-party sign-ins. */
export const FIRST_PARTY = 'ostiary';

/**
 * What a proof counts as. `mailbox`: as a first factor of those who give no other; beside one it adds nothing, because mail can reset the
 * password. `first`: a first factor. `second`: only beside a first factor. `both`: two factors in one.
 */
export type Factor = 'mailbox' | 'first' | 'second' | 'both';

/**
 * Every way to prove who one is. `amr`: what tokens call it (RFC 8176); a mailed code or link, and a recovery code, count as one-time
 * passwords, and a passkey as proof of possession of a key, in hardware or not.
 * `phishingResistant`: a page that imitates this server gains nothing from it.
 */
export const METHODS: Record<ProofMethod, { amr: string; factor: Factor; phishingResistant: boolean }> = {
  password: { amr: 'pwd', factor: 'first', phishingResistant: false },
  email: { amr: 'otp', factor: 'mailbox', phishingResistant: false },
  totp: { amr: 'otp', factor: 'second', phishingResistant: false },
  recovery_code: { amr: 'otp', factor: 'second', phishingResistant: false },
  passkey: { amr: 'pop', factor: 'both', phishingResistant: true },
  passkey_presence: { amr: 'pop', factor: 'second', phishingResistant: true },
};

/** What each `amr` stood for when only that was stored. Never changes, whatever later methods share a name. */
const STORED_AMR: readonly (readonly [string, ProofMethod])[] = [
  ['pwd', 'password'],
  ['otp', 'email'],
];

/** The latest proof of each method, in the order in which they were given. */
export function latestProofs(earlier: readonly Proof[], later: readonly Proof[]): Proof[] {
  const isSuperseded = (proof: Proof, by: readonly Proof[]) =>
    by.some(({ method, at }) => method === proof.method && at >= proof.at);
  const kept = earlier.filter((proof) => !isSuperseded(proof, later));
  return [...kept, ...later.filter((proof) => !kept.some(({ method }) => method === proof.method))];
}

/** `amr` of an access token. */
export function amrOf(proofs: readonly Proof[]): string[] {
  return [...new Set(proofs.map(({ method }) => METHODS[method].amr))];
}

/** Whether one of these methods alone keeps an imitating page out. */
export function isPhishingResistant(methods: readonly ProofMethod[]): boolean {
  return methods.some((method) => METHODS[method].phishingResistant);
}

/** The proofs of a session from a version that stored its `amr` only. `at`: when it began. */
export function proofsOf(amr: readonly string[], at: Date): Proof[] {
  return STORED_AMR.filter(([name]) => amr.includes(name)).map(([, method]) => ({ method, at }));
}
