import { hash, timingSafeEqual } from 'node:crypto';
import type { HashReader } from './stored-hash.ts';

/** Bytes of digest by scheme; the salt is what follows. */
const SCHEMES: Record<string, { algorithm: string; bytes: number }> = {
  SSHA: { algorithm: 'sha1', bytes: 20 },
  SSHA256: { algorithm: 'sha256', bytes: 32 },
  SSHA512: { algorithm: 'sha512', bytes: 64 },
};

const SALTED = /^\{(?<scheme>SSHA(?:256|512)?)\}(?<data>[A-Za-z0-9+/]+={0,2})$/i;
/** Bytes; without a salt, or with one that a narrow column cut off, nothing matches. */
const MIN_SALT = 4;

/**
 * Salted SHA as directories store it (RFC 2307 and its usual extensions): base64 of digest and salt. A single round, so that a stolen hash is
 * guessed quickly until the upgrade at the next sign-in.
 */
export const readLdap: HashReader = (stored) => {
  const { scheme = '', data = '' } = SALTED.exec(stored)?.groups ?? {};
  const known = SCHEMES[scheme.toUpperCase()];
  if (!known) return null;
  const bytes = Buffer.from(data, 'base64');
  const [digest, salt] = [bytes.subarray(0, known.bytes), bytes.subarray(known.bytes)];
  if (salt.length < MIN_SALT) return null;
  return {
    matches: async (password) =>
      timingSafeEqual(hash(known.algorithm, Buffer.concat([password, salt]), 'buffer'), digest),
  };
};
