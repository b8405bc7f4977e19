import type { Random } from '../fuzz/random.ts';
import { base64url, type Forgery, type Genuine } from './genuine.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** A token with every single bit flipped, every character replaced or left out, every length, and chance. */
export function* damages(g: Genuine, random: Random, byChance: number): Generator<Forgery> {
  const parts = [g.head, g.body, g.signature];
  for (const [index, part] of parts.entries()) {
    const bytes = Buffer.from(part, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      yield [`bit ${bit} of part ${index} flipped`, parts.with(index, base64url(flipped)).join('.')];
    }
  }
  yield* damagesOf(g.token, random, byChance);
}

/** The same of a text whose inside is unknown: characters and lengths. Never the text itself. */
export function* damagesOf(text: string, random: Random, byChance: number): Generator<Forgery> {
  for (let at = 0; at < text.length; at++) {
    const [before, after] = [text.slice(0, at), text.slice(at + 1)];
    yield [`character ${at} replaced`, before + otherThan(text[at] ?? '', random) + after];
    // Where a character is followed by the same, either may be missing.
    yield [`character ${at} left out`, before + after];
    if (at > 0) yield [`cut to ${at}`, before];
  }
  for (let index = 0; index < byChance; index++) {
    const damaged = atRandom(text, random);
    if (damaged !== text && damaged !== '') yield [`damage ${index}`, damaged];
  }
}

/** Some of: replace, insert, leave out, swap, cut. */
function atRandom(text: string, random: Random): string {
  let damaged = text;
  for (let count = 1 + random.int(4); count > 0; count--) {
    const at = random.int(damaged.length || 1);
    const [before, after] = [damaged.slice(0, at), damaged.slice(at)];
    damaged = random.pick([
      () => before + otherThan(after[0] ?? '', random) + after.slice(1),
      () => before + (ALPHABET[random.int(64)] ?? '') + after,
      () => before + random.pick(['.', '=', '+', '/', '%', '~', '"', '{', '\\', 'é']) + after,
      () => before + after.slice(1 + random.int(8)),
      () => after + before,
      () => before + before.slice(-random.int(20)) + after,
    ])();
  }
  return damaged;
}

function otherThan(character: string, random: Random): string {
  const other = ALPHABET[random.int(64)] ?? 'A';
  if (other !== character) return other;
  return other === 'A' ? 'B' : 'A';
}
