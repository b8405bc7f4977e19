import { pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { decodeBase64 } from './base64.ts';
import { type HashReader, MIN_DIGEST_BYTES, type StoredHash } from './stored-hash.ts';

/** Iterations times blocks of output; one or two seconds of one core. Django 5.2 uses 1,000,000. */
export const PBKDF2_MAX_ITERATIONS = 4_000_000;

const OUTPUT_BYTES: Record<string, number> = { sha1: 20, sha256: 32, sha512: 64 };

/** passlib `$pbkdf2-sha256$29000$salt$digest` (ab64; `$pbkdf2$` is SHA-1) and PHC `$pbkdf2-sha256$i=29000,l=32$salt$digest`. */
const MODULAR =
  /^\$pbkdf2(?:-(?<hash>sha1|sha256|sha512))?\$(?<phc>i=)?(?<rounds>[1-9]\d{0,9})(?:,l=(?<length>\d{1,3}))?\$(?<salt>[^$]*)\$(?<digest>[^$]+)$/;
/** Django: the salt is text, the digest base64. */
const DJANGO = /^pbkdf2_(?<hash>sha1|sha256|sha512)\$(?<rounds>[1-9]\d{0,9})\$(?<salt>[^$]+)\$(?<digest>[^$]+)$/;
/** werkzeug: the salt is text, the digest hexadecimal. */
const WERKZEUG =
  /^pbkdf2:(?<hash>sha1|sha256|sha512):(?<rounds>[1-9]\d{0,9})\$(?<salt>[^$]+)\$(?<digest>(?:[0-9a-f]{2})+)$/;

const derive = promisify(pbkdf2);

/**
 * PBKDF2 (RFC 8018) with HMAC-SHA-1, -256 or -512 as passlib, PHC strings, Django and werkzeug store it. Only in a PHC string
 * may the digest differ from the hash function's whole output: in the other formats, a shorter digest was truncated by a narrow column.
 */
export const readPbkdf2: HashReader = (stored) => {
  const modular = MODULAR.exec(stored)?.groups;
  if (modular) {
    const { hash = 'sha1', phc, rounds, length, salt = '', digest = '' } = modular;
    const bytes = decodeBase64(digest);
    const wanted = phc ? Number(length ?? bytes?.length) : OUTPUT_BYTES[hash];
    return buildPbkdf2(hash, Number(rounds), decodeBase64(salt), bytes, wanted);
  }
  const django = DJANGO.exec(stored)?.groups;
  if (django) {
    const { hash = '', rounds, salt = '', digest = '' } = django;
    return buildPbkdf2(hash, Number(rounds), Buffer.from(salt), decodeBase64(digest), OUTPUT_BYTES[hash]);
  }
  const { hash = '', rounds, salt = '', digest = '' } = WERKZEUG.exec(stored)?.groups ?? {};
  return buildPbkdf2(hash, Number(rounds), Buffer.from(salt), Buffer.from(digest, 'hex'), OUTPUT_BYTES[hash]);
};

/** PBKDF2 of these parameters; null if `digest` has not `wanted` bytes, or they are absurd. */
export function buildPbkdf2(
  hash: string,
  rounds: number,
  salt: Buffer | null,
  digest: Buffer | null,
  wanted: number | undefined,
): StoredHash | null {
  const blockBytes = OUTPUT_BYTES[hash];
  if (!blockBytes || !salt || !digest || digest.length < MIN_DIGEST_BYTES || digest.length !== wanted) return null;
  // Each block of output repeats all iterations.
  if (rounds * Math.ceil(digest.length / blockBytes) > PBKDF2_MAX_ITERATIONS) return null;
  return {
    matches: async (password: Uint8Array) =>
      timingSafeEqual(await derive(password, salt, rounds, digest.length, hash), digest),
  };
}
