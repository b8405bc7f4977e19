import type { Assurance } from '../../platform/http/caller.ts';
import type { Factor } from '../sessions/names.ts';

/** What the proofs of a sign-in or session amount to. */
export interface Assured {
  aal: Assurance['aal'];
  /** Since when the person is proved as strongly as the session is, and as the account can be: what *fresh* is measured by. */
  authTime: Date;
}

/** `authTime` of whoever gave weaker proofs than the account has, as on a trusted device: never fresh. */
export const NEVER_PROVED = new Date(0);

/** From weak to strong: a mailed code replaces no password, and one factor no two. */
const Strength = { none: 0, mailbox: 1, first: 2, mailboxAndSecond: 3, two: 4 } as const;

function strengthOf(factors: readonly Factor[]): number {
  const has = (factor: Factor) => factors.includes(factor);
  if (has('both') || (has('first') && has('second'))) return Strength.two;
  if (has('first')) return Strength.first;
  if (!has('mailbox')) return Strength.none;
  return has('second') ? Strength.mailboxAndSecond : Strength.mailbox;
}

/**
 * Assurance of a person (NIST SP 800-63B), by what each method counts as; null without a first factor. Pure, and the same for methods to
 * come: `assuranceOf(METHODS, { proofs, since: null, heldAal: 1 })`.
 *
 * `authTime` is the time since which proofs as strong as all of them together were given: a weaker proof makes no stronger session fresh.
 * `since`: the `authTime` of a session that continues, which no mailed code moves; null for a new one.
 */
export function assuranceOf<Method extends string>(
  methods: Readonly<Record<Method, { factor: Factor }>>,
  given: {
    proofs: readonly { method: Method; at: Date }[];
    since: Date | null;
    /** What all factors of the account reach together. */
    heldAal: Assurance['aal'];
  },
): Assured | null {
  const { proofs, since, heldAal } = given;
  const strength = (some: typeof proofs) => strengthOf(some.map(({ method }) => methods[method].factor));
  const own = strength(proofs);
  if (own === Strength.none) return null;
  const aal = own < Strength.mailboxAndSecond ? 1 : 2;
  if (aal < heldAal) return { aal, authTime: NEVER_PROVED };
  const counting = since === null ? proofs : proofs.filter(({ method }) => methods[method].factor !== 'mailbox');
  const latestFirst = [...counting].sort((a, b) => b.at.getTime() - a.at.getTime());
  const last = latestFirst.find((_, i) => strength(latestFirst.slice(0, i + 1)) >= own);
  return { aal, authTime: last?.at ?? since ?? NEVER_PROVED };
}
