import { canonicalEmail } from './canonical-email.ts';
import type { UserRecord } from './user-store.ts';

/** Characters (code points) of a term. */
const TERM_LIMIT = 320;
const WORD_LIMIT = 64;
const WORDS = 8;
const SEARCH_TERMS = 5;

const LAST = 0x10ffff;
const BEFORE_SURROGATES = 0xd7ff;
const AFTER_SURROGATES = 0xe000;

/** From the first to the last letter or digit of a word; quotes and brackets around it are left out. */
const INSIDE = /[\p{L}\p{N}](?:.*[\p{L}\p{N}])?/u;

/**
 * The terms of a user; a search finds the user by any prefix of one of them: the address, its domain with the `@`, the username, and
 * the first words of the name, compound ones also by their parts (`o'neill`, `neill`). A term that is a prefix of another is left out:
 * the other has the same prefixes.
 */
export function userTerms({ emailNorm, username, fullName }: Pick<UserRecord, 'emailNorm' | 'username' | 'fullName'>) {
  const email = fold(emailNorm ?? '');
  const domain = email.includes('@') ? email.slice(email.indexOf('@')) : '';
  const names = wordsOf(fold(fullName ?? '')).slice(0, WORDS);
  return longest([email, domain, fold(username ?? ''), ...names].map((term) => cut(term, TERM_LIMIT)));
}

/** The terms of a search; each must be a prefix of a term of the user. Addresses and domains are canonical. At most five. */
export function searchTerms(query: string): string[] {
  const terms = query.split(/[\s\p{Cc}]+/u).map((term) => cut(fold(canonical(term)), TERM_LIMIT));
  return [...new Set(terms)].filter((term) => term !== '').slice(0, SEARCH_TERMS);
}

/** The smallest text after all texts that begin with `prefix`, in the order of UTF-8 bytes; null if there is none. */
export function endOfPrefix(prefix: string): string | null {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === LAST) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  return String.fromCodePoint(...points, last === BEFORE_SURROGATES ? AFTER_SURROGATES : last + 1);
}

/** Removes case, accents and compatibility forms; ς becomes σ, so that a search that ends in ς finds longer words. */
function fold(text: string): string {
  const plain = text.toWellFormed().normalize('NFKD').replaceAll(/\p{M}/gu, '');
  return plain.toLowerCase().replaceAll('ς', 'σ');
}

function canonical(term: string): string {
  if (term.startsWith('@')) return canonicalEmail(`x${term}`)?.slice(1) ?? term;
  return canonicalEmail(term) ?? term;
}

function wordsOf(name: string): string[] {
  const words = name
    .split(/\s+/)
    .map((word) => INSIDE.exec(word)?.[0] ?? '')
    .flatMap((word) => [word, ...word.split(/[^\p{L}\p{N}]+/u)]);
  return longest(words.map((word) => cut(word, WORD_LIMIT)));
}

/** Removes duplicates, the empty term, and terms that are prefixes of others. */
function longest(terms: string[]): string[] {
  const begins = (term: string) => terms.some((other) => other !== term && other.startsWith(term));
  return [...new Set(terms)].filter((term) => term !== '' && !begins(term));
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : Array.from(text).slice(0, length).join('');
}
