import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { decodeBase64 } from './base64.ts';
import { type HashReader, MIN_DIGEST_BYTES } from './stored-hash.ts';

/** Maximum of 128·N·r, in bytes. */
export const SCRYPT_MAX_MEMORY = 512 * 1024 * 1024;
/** Maximum of 128·N·r·p: about three seconds of one core. */
export const SCRYPT_MAX_WORK = 1024 * 1024 * 1024;

/** Django and werkzeug always store this length; a shorter digest was truncated by a narrow column. */
const FIXED_DIGEST_BYTES = 64;

/** PHC and passlib alike: `$scrypt$ln=16,r=8,p=1$salt$digest`, base64, `ln` the logarithm of N. */
const PHC = /^\$scrypt\$ln=(?<ln>\d{1,2}),r=(?<r>\d{1,4}),p=(?<p>\d{1,4})\$(?<salt>[^$]*)\$(?<digest>[^$]+)$/;
/** Django: `scrypt$N$salt$r$p$digest`; the salt is text, the digest base64. */
const DJANGO = /^scrypt\$(?<n>[1-9]\d{0,9})\$(?<salt>[^$]+)\$(?<r>[1-9]\d{0,3})\$(?<p>[1-9]\d{0,3})\$(?<digest>[^$]+)$/;
/** werkzeug: `scrypt:N:r:p$salt$digest`; the salt is text, the digest hexadecimal. */
const WERKZEUG =
  /^scrypt:(?<n>[1-9]\d{0,9}):(?<r>[1-9]\d{0,3}):(?<p>[1-9]\d{0,3})\$(?<salt>[^$]+)\$(?<digest>(?:[0-9a-f]{2})+)$/;

const derive = promisify<Uint8Array, Uint8Array, number, ScryptOptions, Buffer>(scrypt);

/** scrypt (RFC 7914) as PHC strings, passlib, Django and werkzeug store it. */
export const readScrypt: HashReader = (stored) => {
  const phc = PHC.exec(stored)?.groups;
  if (phc) {
    const { ln, r, p, salt = '', digest = '' } = phc;
    return build(2 ** Number(ln), Number(r), Number(p), decodeBase64(salt), decodeBase64(digest));
  }
  const django = DJANGO.exec(stored)?.groups;
  if (django) {
    const { n, r, p, salt = '', digest = '' } = django;
    return build(Number(n), Number(r), Number(p), Buffer.from(salt), fixed(decodeBase64(digest)));
  }
  const { n, r, p, salt = '', digest = '' } = WERKZEUG.exec(stored)?.groups ?? {};
  return build(Number(n), Number(r), Number(p), Buffer.from(salt), fixed(Buffer.from(digest, 'hex')));
};

function fixed(digest: Buffer | null): Buffer | null {
  return digest?.length === FIXED_DIGEST_BYTES ? digest : null;
}

function build(N: number, r: number, p: number, salt: Buffer | null, digest: Buffer | null) {
  if (!salt || !digest || digest.length < MIN_DIGEST_BYTES) return null;
  // RFC 7914, 2: N is a power of two above 1, and below 2^(16·r).
  if (!Number.isInteger(Math.log2(N)) || N < 2 || r < 1 || p < 1 || Math.log2(N) >= 16 * r) return null;
  const memory = 128 * N * r;
  if (memory > SCRYPT_MAX_MEMORY || memory * p > SCRYPT_MAX_WORK) return null;
  // OpenSSL counts its other buffers too: 128·r·p and a block of 128·r, generously doubled.
  const options = { N, r, p, maxmem: memory + 256 * r * (p + 2) };
  return {
    matches: async (password: Uint8Array) =>
      timingSafeEqual(await derive(password, salt, digest.length, options), digest),
  };
}
