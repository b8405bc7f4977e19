import { trimInvisible } from '../../platform/typed-text.ts';
import { canonicalEmail } from './canonical-email.ts';
import { foldForSearch } from './search-folding.ts';
import type { UserRecord } from './user-store.ts';

/** Incremented whenever `userTerms` gives other terms; a job then writes those of all users again. 1: the terms of users who have no version. */
export const TERMS_VERSION = 2;

/** Characters (code points) of a term: of an address, and of anything else. */
const ADDRESS_LIMIT = 320;
const WORD_LIMIT = 64;
/** Of one text: its words, the parts of them all, and the places at which a word in Han, Kana or Hangul may begin. */
const WORDS = 16;
const PARTS = 16;
const PLACES = 32;
const SEARCH_TERMS = 5;

const LAST = 0x10ffff;
const BEFORE_SURROGATES = 0xd7ff;
const AFTER_SURROGATES = 0xe000;

/** What separates words. The signs that are left out here join parts to one word: `o'neill`, `jean-luc`, `ann_lee`, `j.r`. */
const SEPARATORS = /[\s\p{Cc}[[\p{P}\p{S}]--['\-._@+]]]+/v;
/** From the first to the last letter or digit of a word; signs around it are left out, except an `@` before it. */
const INSIDE = /@?[\p{L}\p{N}](?:.*[\p{L}\p{N}])?/u;
const NO_PART = /[^\p{L}\p{N}]+/u;
/** Names in these scripts are written without blanks: each of their characters may begin one. Hangul is folded to its letters. */
const BEGINS_ANYWHERE = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\u1100-\u115f]/u;

/**
 * The terms of a user; a search finds the user by any prefix of one of them: the address, its domain with the `@`, the parts of what is
 * before it, the username and the words of the name, compound ones also by their parts (`o'neill`, `neill`), and those in Han, Kana and
 * Hangul from each of their characters on (王小明 by 小明). A term that is a prefix of another is left out: the other has the same prefixes.
 */
export function userTerms({ emailNorm, username, fullName }: Pick<UserRecord, 'emailNorm' | 'username' | 'fullName'>) {
  const email = foldForSearch(emailNorm ?? '');
  const at = email.lastIndexOf('@');
  const [local, domain] = at < 0 ? ['', ''] : [email.slice(0, at), email.slice(at)];
  const words = [local, username ?? '', fullName ?? ''].flatMap(termsOf);
  return longest([cut(email, ADDRESS_LIMIT), cut(domain, ADDRESS_LIMIT), ...words]);
}

/**
 * The terms of a search; each must be a prefix of a term of the user. At most five: the words of the query, as `userTerms` makes them of names,
 * and addresses and domains in their canonical form, without what they are wrapped in (`Ann Lee <ann@example.com>,`).
 */
export function searchTerms(query: string): string[] {
  const chunks = query.split(WRAPPING);
  const addresses = chunks.filter((chunk) => chunk.includes('@')).map(addressTerm);
  const words = chunks.filter((chunk) => !chunk.includes('@')).flatMap(wordsOf);
  const found = [...addresses, ...words].filter((term) => term !== '');
  const terms = [found, signsOf(chunks.join(' ')), signsOf(query)].find(({ length }) => length > 0) ?? [];
  return [...new Set(terms)].slice(0, SEARCH_TERMS);
}

/** What stands around addresses in mails and lists. */
const WRAPPING = /[\s\p{Cc}<>()[\]{}"“”„«»,;＜＞（）［］＂，；、「」【】]+/u;
const BEFORE_ADDRESS = /^(?:mailto:|['‘’`*:])+/i;
const AFTER_ADDRESS = /['’`*.:!?…]+$/;

/** An address or a domain (`@example.com`) in its canonical form; the beginning of one as it is. */
function addressTerm(chunk: string): string {
  const bare = trimInvisible(chunk).replace(BEFORE_ADDRESS, '').replace(AFTER_ADDRESS, '');
  const canonical = bare.startsWith('@') ? canonicalEmail(`x${bare}`)?.slice(1) : canonicalEmail(bare);
  return cut(foldForSearch(canonical ?? bare), ADDRESS_LIMIT);
}

/** The words of a text, folded. */
function wordsOf(text: string): string[] {
  const words = foldForSearch(text)
    .split(SEPARATORS)
    .map((word) => INSIDE.exec(word)?.[0] ?? '');
  return words.filter((word) => word !== '').map((word) => cut(word, WORD_LIMIT));
}

/** What a text without words is made of: a name may be `🦊`. */
function signsOf(text: string): string[] {
  const signs = foldForSearch(text).split(/[\s\p{Cc}]+/u);
  return signs.filter((sign) => sign !== '').map((sign) => cut(sign, WORD_LIMIT));
}

/** Some words of a text, their parts, and the rests of those that may begin anywhere. Whole words come first, so that the bounds keep them. */
function termsOf(text: string): string[] {
  const all = wordsOf(text);
  const words = (all.length > 0 ? all : signsOf(text)).slice(0, WORDS);
  // The first part is a prefix of its word.
  const parts = words.flatMap((word) => word.split(NO_PART).slice(1));
  return [...words, ...parts.slice(0, PARTS), ...words.flatMap(restsOf).slice(0, PLACES)];
}

function restsOf(word: string): string[] {
  const characters = Array.from(word);
  return characters.flatMap((character, i) =>
    i > 0 && BEGINS_ANYWHERE.test(character) ? [characters.slice(i).join('')] : [],
  );
}

/** Removes duplicates, the empty term, and terms that are prefixes of others. */
function longest(terms: string[]): string[] {
  const begins = (term: string) => terms.some((other) => other !== term && other.startsWith(term));
  return [...new Set(terms)].filter((term) => term !== '' && !begins(term));
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : Array.from(text).slice(0, length).join('');
}

/** The smallest text after all texts that begin with `prefix`, in the order of UTF-8 bytes; null if there is none. */
export function endOfPrefix(prefix: string): string | null {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === LAST) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  return String.fromCodePoint(...points, last === BEFORE_SURROGATES ? AFTER_SURROGATES : last + 1);
}
