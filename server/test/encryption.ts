import { CompactEncrypt, type CompactJWEHeaderParameters, importJWK } from 'jose';
import { ok } from './client.ts';
import type { Scene } from './scenario.ts';

/** What `GET /auth/keys/public` answers. */
export interface PublicKeys {
  keys: { kty: string; n: string; e: string; kid: string; alg: string; use: string }[];
  nonce: string;
  expiresIn: number;
}

/** A key and a new nonce, as a client asks for them. */
export async function publicKeys({ client }: Pick<Scene, 'client'>): Promise<PublicKeys> {
  return ok<PublicKeys>(await client.send('GET', '/auth/keys/public'), 200);
}

/** A password as a compact JWE for this key, with this nonce. `header`: members that are other than they should be. */
export async function encrypt(
  password: string | Uint8Array,
  { keys: [key], nonce }: PublicKeys,
  header: Partial<CompactJWEHeaderParameters> = {},
): Promise<string> {
  if (!key) throw new Error('There is no key.');
  const { kid, ...jwk } = key;
  const all = { alg: 'RSA-OAEP-256', enc: 'A256GCM', kid, nonce, ...header };
  const plain = typeof password === 'string' ? new TextEncoder().encode(password) : password;
  return new CompactEncrypt(plain).setProtectedHeader(all).encrypt(await importJWK({ ...jwk, alg: all.alg }, all.alg));
}

/** Encrypts every password of a body, under one new nonce: `newPassword` travels as `encryptedNewPassword`. */
export async function encryptBody(s: Pick<Scene, 'client'>, body: object): Promise<Record<string, unknown>> {
  const keys = await publicKeys(s);
  const fields = Object.entries(body).map(async ([name, value]): Promise<[string, unknown]> => {
    if (!/password$/i.test(name)) return [name, value];
    return [`encrypted${name.slice(0, 1).toUpperCase()}${name.slice(1)}`, await encrypt(value, keys)];
  });
  return Object.fromEntries(await Promise.all(fields));
}
