import { createCipheriv, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { decodeBase64 } from './base64.ts';
import { SCRYPT_MAX_MEMORY } from './scrypt.ts';
import { type HashReader, MIN_DIGEST_BYTES } from './stored-hash.ts';

/** Ours, for Firebase stores the parameters of a project apart: `ln` and `r` of scrypt, the salt separator, the signer key. */
const STORED =
  /^\$firebase-scrypt\$ln=(?<ln>\d{1,2}),r=(?<r>\d{1,2}),s=(?<separator>[\w+/=]*),k=(?<key>[\w+/=]+)\$(?<salt>[\w+/=]*)\$(?<digest>[\w+/=]+)$/;

const derive = promisify<Uint8Array, Uint8Array, number, ScryptOptions, Buffer>(scrypt);

/** What Firebase tells of a project: its parameters of password hashes, base64 where they are bytes. */
export interface FirebaseParameters {
  signerKey: string;
  saltSeparator: string;
  rounds: number;
  memoryCost: number;
}

/** The text that is stored for a hash of Firebase. */
export function firebaseHash(
  { signerKey, saltSeparator, rounds, memoryCost }: FirebaseParameters,
  { salt, digest }: { salt: string; digest: string },
): string {
  // Firebase writes base64 with the signs of URLs.
  const [s, k, ...rest] = [saltSeparator, signerKey, salt, digest].map((text) =>
    text.replaceAll('-', '+').replaceAll('_', '/'),
  );
  return `$firebase-scrypt$ln=${memoryCost},r=${rounds},s=${s},k=${k}$${rest.join('$')}`;
}

/**
 * The modified scrypt of Firebase Authentication: the signer key, encrypted with AES-256-CTR by a key that scrypt derives from the password
 * and the salt, to which the separator is appended.
 */
export const readFirebase: HashReader = (stored) => {
  const { ln, r, separator = '', key = '', salt = '', digest = '' } = STORED.exec(stored)?.groups ?? {};
  const [signer, wanted] = [decodeBase64(key), decodeBase64(digest)];
  const [salted, separated] = [decodeBase64(salt), decodeBase64(separator)];
  if (!signer || !wanted || !salted || !separated) return null;
  if (wanted.length < MIN_DIGEST_BYTES || wanted.length !== signer.length) return null;
  const [log, blocks] = [Number(ln), Number(r)];
  const memory = 128 * 2 ** log * blocks;
  if (log < 1 || blocks < 1 || log >= 16 * blocks || memory > SCRYPT_MAX_MEMORY) return null;
  const options = { N: 2 ** log, r: blocks, p: 1, maxmem: memory + 256 * blocks * 3 };
  return {
    async matches(password) {
      const derived = await derive(password, Buffer.concat([salted, separated]), 32, options);
      const cipher = createCipheriv('aes-256-ctr', derived, Buffer.alloc(16));
      return timingSafeEqual(Buffer.concat([cipher.update(signer), cipher.final()]), wanted);
    },
  };
};
