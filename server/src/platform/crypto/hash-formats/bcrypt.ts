import { createHash, createHmac } from 'node:crypto';
import { matchesSlashed } from './phpass.ts';
import type { HashReader, StoredHash } from './stored-hash.ts';

/** Base-two logarithm of the rounds; 15 takes about two seconds of one core. */
export const BCRYPT_MAX_COST = 15;

/** `$2b$12$`, 22 characters of salt, 31 of digest, in bcrypt's own base64. `2x` (a broken variant) is not read. */
const CRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** passlib 1.6 to 1.7.2: `$bcrypt-sha256$2b,12$salt$digest`; from 1.7.3: `$bcrypt-sha256$v=2,t=2b,r=12$salt$digest`. */
const PASSLIB =
  /^\$bcrypt-sha256\$(?<v2>v=2,t=)?(?<variant>2[ab]),(?:r=)?(?<cost>\d{1,2})\$(?<salt>[./A-Za-z0-9]{22})\$(?<digest>[./A-Za-z0-9]{31})$/;

/**
 * bcrypt as crypt(3), Django, passlib and WordPress store it. It reads only the first 72 bytes of its input, until the imported hash is upgraded at
 * the next sign-in. NUL is an ordinary byte here. Some C implementations stopped at it: their hash of a password with a NUL does not match.
 */
export const readBcrypt: HashReader = (stored) => {
  if (stored.startsWith('$bcrypt-sha256$')) return readPasslib(stored);
  // Django: hexadecimal SHA-256 of the password, because of the 72 bytes.
  if (stored.startsWith('bcrypt_sha256$')) {
    return crypt(stored.slice('bcrypt_sha256$'.length), (password) =>
      createHash('sha256').update(password).digest('hex'),
    );
  }
  // WordPress since 6.8: base64 of an HMAC, for the same reason.
  if (stored.startsWith('$wp$2y$')) {
    const hashed = crypt(stored.slice('$wp'.length), (password) =>
      createHmac('sha384', 'wp-sha384').update(password).digest('base64'),
    );
    return hashed && { matches: (password) => matchesSlashed(password, hashed.matches) };
  }
  return crypt(stored.startsWith('bcrypt$') ? stored.slice('bcrypt$'.length) : stored, (password) => password);
};

/** passlib: base64 of SHA-256 or, since version 2, of an HMAC keyed with the salt's characters, against shucked SHA-256 lists. */
function readPasslib(stored: string) {
  const { v2, variant, cost, salt, digest } = PASSLIB.exec(stored)?.groups ?? {};
  if (!variant || !cost || !salt || !digest) return null;
  return crypt(`$${variant}$${cost.padStart(2, '0')}$${salt}${digest}`, (password) =>
    (v2 ? createHmac('sha256', salt) : createHash('sha256')).update(password).digest('base64'),
  );
}

function crypt(encoded: string, prepare: (password: Uint8Array) => Uint8Array | string): StoredHash | null {
  const cost = CRYPT.exec(encoded)?.[1];
  if (!cost || Number(cost) > BCRYPT_MAX_COST) return null;
  return {
    async matches(password: Uint8Array) {
      // Only imported accounts need it: 3 MB.
      const { verify } = await import('@node-rs/bcrypt');
      return verify(prepare(password), encoded);
    },
  };
}
