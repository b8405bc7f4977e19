import { comparable } from './comparable.ts';

/** Personal data of the person whose password is set. */
export interface PersonalData {
  email?: string | null;
  username?: string | null;
  fullName?: string | null;
  phone?: string | null;
}

const PRODUCT = 'ostiary';
/** Minimum digits of a phone number that is typed without its country or area code. */
const MIN_PHONE_TAIL = 6;

/**
 * The words that a person's password must not consist of, in comparable form, longest first: e-mail address, its local part and its domain,
 * username, name, phone number and the product's name; each whole, without separators, and in its pieces.
 */
export function personalParts(person: PersonalData): string[] {
  const { username, fullName, phone } = person;
  const email = person.email ?? '';
  const at = email.lastIndexOf('@');
  const domain = at < 0 ? '' : email.slice(at + 1);
  const local = at < 0 ? email : email.slice(0, at);
  // Its last label is the registry's, not the person's.
  const domainName = domain.slice(0, Math.max(0, domain.lastIndexOf('.')));
  const words = [local, domainName, username ?? '', fullName ?? ''].flatMap(variants);
  const parts = [PRODUCT, email, domain, ...words, ...phoneTails(phone ?? '')].map(comparable).filter(Boolean);
  return [...new Set(parts)].sort((a, b) => b.length - a.length);
}

/** `Ada M. Lovelace`: itself, `AdaMLovelace`, `Ada`, `M`, `Lovelace`. */
function variants(text: string): string[] {
  const pieces = text.split(/[^\p{L}\p{M}\p{N}]+/u);
  return [text, pieces.join(''), ...pieces];
}

function phoneTails(phone: string): string[] {
  const digits = phone.replace(/\D+/g, '');
  const tails = Array.from({ length: Math.max(0, digits.length - MIN_PHONE_TAIL) }, (_, cut) => digits.slice(cut + 1));
  return [phone, digits, ...tails];
}
