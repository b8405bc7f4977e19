import type { ProofMethod } from '../../platform/http/caller.ts';
import type { Proof } from './session-store.ts';

/** The client of first-party sign-ins. */
export const FIRST_PARTY = 'ostiary';

/** What tokens say of each (RFC 8176): a mailed code or link counts as a one-time password. */
const AMR: Record<ProofMethod, string> = { password: 'pwd', email: 'otp' };

/** The latest proof of each method, in the order in which they were given. */
export function latestProofs(earlier: readonly Proof[], later: readonly Proof[]): Proof[] {
  const isSuperseded = (proof: Proof, by: readonly Proof[]) =>
    by.some(({ method, at }) => method === proof.method && at >= proof.at);
  const kept = earlier.filter((proof) => !isSuperseded(proof, later));
  return [...kept, ...later.filter((proof) => !kept.some(({ method }) => method === proof.method))];
}

/** `amr` of an access token. */
export function amrOf(proofs: readonly Proof[]): string[] {
  return [...new Set(proofs.map(({ method }) => AMR[method]))];
}

/** The proofs of a session that was begun before they were kept, when only its `amr` was. */
export function proofsOf(amr: readonly string[], at: Date): Proof[] {
  const methods = (Object.keys(AMR) as ProofMethod[]).filter((method) => amr.includes(AMR[method]));
  return methods.map((method) => ({ method, at }));
}
