import assert from 'node:assert/strict';
import { createHmac, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { createEvents } from '../../src/modules/events/events.ts';
import type { KeyLink } from '../../src/modules/keys/key-chain.ts';
import { openPrivateKey } from '../../src/modules/keys/key-pairs.ts';
import type { SigningAlgorithm } from '../../src/modules/keys/key-store.ts';
import { createKeys } from '../../src/modules/keys/keys.ts';
import { createKeyring } from '../../src/platform/crypto/keyring.ts';
import { createLog } from '../../src/platform/telemetry/log.ts';
import type { Scene } from '../scenario.ts';

export type Json = Record<string, unknown>;

/** What a forger works from: a token that is accepted, and more than any forger has, the key that signed it. */
export interface Genuine {
  token: string;
  /** The three parts as they stand in the token. */
  head: string;
  body: string;
  signature: string;
  header: Json;
  claims: Json;
  algorithm: SigningAlgorithm;
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** The same public key as the server publishes it. */
  publicJwk: Json;
  /** Another key of the server's, for the other algorithm: it verifies, but signs nothing. */
  other: { kid: string; algorithm: SigningAlgorithm; privateKey: KeyObject };
  /** Unix seconds of the server's clock. */
  now: number;
}

/** A name for people and the token. */
export type Forgery = [what: string, token: string];

export const base64url = (value: string | Uint8Array) => Buffer.from(value).toString('base64url');
export const encode = (value: unknown) => base64url(JSON.stringify(value));
const decode = (part: string): Json => JSON.parse(Buffer.from(part, 'base64url').toString());

/** Reads a token of this server, with the key that signed it, be it retired meanwhile. */
export async function genuineOf({ app, config, time }: Scene, token: string): Promise<Genuine> {
  const { algorithm } = config.tokens;
  const keyring = createKeyring(config.secretKeys);
  const clock = () => time.now;
  // For its sake the next key becomes one of another algorithm.
  const keys = createKeys({
    store: app.storage.keys,
    events: createEvents({ clock }),
    keyring,
    algorithm: algorithm === 'EdDSA' ? 'ES256' : 'EdDSA',
    rotation: config.keyRotation,
    clock,
    log: createLog(config.log),
  });
  await keys.start();
  const links = (await keys.list()).filter(({ key }) => key.use === 'sig');
  const keyOf = (isIt: (link: KeyLink) => boolean) => {
    const key = links.find(isIt)?.key;
    const privateKey = key && openPrivateKey(keyring, key);
    assert.ok(key && privateKey && key.algorithm !== 'RSA-OAEP-256');
    return { kid: key.id, algorithm: key.algorithm, privateKey };
  };
  const [head = '', body = '', signature = ''] = token.split('.');
  const { kid, privateKey } = keyOf(({ key }) => key.id === decode(head).kid);
  const other = keyOf(({ status }) => status === 'next');
  assert.notEqual(other.algorithm, algorithm);
  const publicJwk = (await app.keys.signing.jwks()).keys.find((key) => key.kid === kid);
  assert.ok(publicJwk);
  return {
    token,
    head,
    body,
    signature,
    algorithm,
    privateKey,
    header: decode(head),
    claims: decode(body),
    publicKey: createPublicKey(privateKey),
    publicJwk: { ...publicJwk },
    other,
    now: Math.floor(time.now.getTime() / 1000),
  };
}

/** A signature of these bytes as JWS wants it (RFC 7518, 3.4; RFC 8037, 3.1), by whatever kind of key. */
export function signatureBy(key: KeyObject, input: string): Buffer {
  const isEdwards = key.asymmetricKeyType === 'ed25519' || key.asymmetricKeyType === 'ed448';
  const made = sign(isEdwards ? null : 'sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return made;
  return withScalar(made, lowest(scalarOf(made)));
}

/** `head.body` with a right signature of it. */
export function signedText(key: KeyObject, head: string, body: string): string {
  const input = `${head}.${body}`;
  return `${input}.${base64url(signatureBy(key, input))}`;
}

export const signed = (key: KeyObject, header: unknown, claims: unknown) =>
  signedText(key, encode(header), encode(claims));

/** The same with an HMAC (RFC 7518, 3.2). */
export function macked(hash: string, secret: string | Uint8Array, header: unknown, claims: unknown): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`;
}

/** The order of P-256 (FIPS 186-5), of which a signature's halves r and s are remainders. */
export const P256_ORDER = 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n;

const HALF = 32;
export const fromBytes = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);

/** So many bytes, the highest first. */
export const toBytes = (value: bigint, length = HALF) =>
  Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex');

/** The `s` of a signature of 64 bytes. */
export const scalarOf = (signature: Uint8Array) => fromBytes(signature.subarray(HALF));

/** The same signature with another `s`. */
export const withScalar = (signature: Uint8Array, s: bigint) =>
  Buffer.concat([signature.subarray(0, HALF), toBytes(s)]);

const lowest = (s: bigint) => (s > P256_ORDER / 2n ? P256_ORDER - s : s);
