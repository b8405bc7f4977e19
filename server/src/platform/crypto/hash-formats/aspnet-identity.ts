import { buildPbkdf2 } from './pbkdf2.ts';
import type { HashReader } from './stored-hash.ts';

const BASE64 = /^[A-Za-z0-9+/]{60,200}={0,2}$/;
/** By the number that version 3 stores. */
const FUNCTIONS = ['sha1', 'sha256', 'sha512'];
/** Version 2: one byte, 16 of salt, 32 of digest. */
const V2 = { length: 49, salt: 16, rounds: 1000 };
/** Version 3: one byte, and three numbers of four bytes: function, iterations, length of the salt. */
const V3_HEADER = 13;
/** Bytes; ASP.NET stores 32, and its own tests 16. Other digests were truncated by a narrow column. */
const DIGESTS = [16, 32];

/** ASP.NET Core Identity: base64 of a header, the salt and PBKDF2, in versions 2 and 3. */
export const readAspNetIdentity: HashReader = (stored) => {
  if (!BASE64.test(stored)) return null;
  const bytes = Buffer.from(stored, 'base64');
  if (bytes[0] === 0 && bytes.length === V2.length) {
    return buildPbkdf2('sha1', V2.rounds, bytes.subarray(1, 1 + V2.salt), bytes.subarray(1 + V2.salt), 32);
  }
  if (bytes[0] !== 1 || bytes.length < V3_HEADER) return null;
  const algorithm = FUNCTIONS[bytes.readUInt32BE(1)] ?? '';
  const rounds = bytes.readUInt32BE(5);
  const end = V3_HEADER + bytes.readUInt32BE(9);
  const digest = bytes.subarray(end);
  // ASP.NET refuses salts below 16 bytes, too.
  if (end < V3_HEADER + 16 || rounds < 1 || !DIGESTS.includes(digest.length)) return null;
  return buildPbkdf2(algorithm, rounds, bytes.subarray(V3_HEADER, end), digest, digest.length);
};
