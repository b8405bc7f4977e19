import { createPublicKey, type JsonWebKeyInput, type KeyObject, verify } from 'node:crypto';
import { type CborMap, readCborMap } from './cbor.ts';

/** The public key is of no kind that is accepted, or is malformed. */
export class CoseKeyInvalid extends Error {
  override readonly name = 'CoseKeyInvalid';
}

type JsonWebKey = JsonWebKeyInput['key'];

/** Labels of a COSE_Key (RFC 9052, 7; RFC 9053, 7; RFC 8230, 4). */
const Label = { kty: 1, alg: 3, crvOrN: -1, xOrE: -2, y: -3 } as const;
/** Bits of an RSA modulus: below that it can be broken, beyond it only costs time. */
const RSA_BITS = { least: 2048, most: 4096 };

interface Algorithm {
  /** Checks the parameters of the COSE_Key, and spells them as a JWK. */
  toJwk(key: CborMap): JsonWebKey;
  /** For `verify`; null: the key alone says it. */
  hash: 'sha256' | null;
}

/** The algorithms of credentials, by their COSE identifiers, in the order in which authenticators are asked for them. */
const ALGORITHMS = new Map<number, Algorithm>([
  [-7, { toJwk: ecJwk, hash: 'sha256' }],
  [-8, { toJwk: okpJwk, hash: null }],
  [-257, { toJwk: rsaJwk, hash: 'sha256' }],
]);

/** COSE identifiers of the accepted algorithms: ES256, EdDSA, RS256. */
export const ALGORITHM_IDS: readonly number[] = [...ALGORITHMS.keys()];

/** A public key as a credential is registered with it. */
export interface CredentialKey {
  /** COSE identifier. */
  algorithm: number;
  /** Whether this key signed this. */
  verifies(signed: Uint8Array, signature: Uint8Array): boolean;
}

/**
 * Reads the COSE_Key of a credential: `readCredentialKey(bytes).verifies(signed, signature)`. Only the parameters of its kind are allowed, and
 * a point must be on its curve. Throws `CoseKeyInvalid`, or `CborInvalid`.
 */
export function readCredentialKey(bytes: Buffer): CredentialKey {
  const key = readCborMap(bytes);
  const id = key.get(Label.alg);
  const algorithm = typeof id === 'number' ? ALGORITHMS.get(id) : undefined;
  if (typeof id !== 'number' || algorithm === undefined) throw new CoseKeyInvalid('The algorithm is not accepted.');
  const publicKey = importKey(algorithm.toJwk(key));
  return {
    algorithm: id,
    // Signatures of ECDSA are in DER here (WebAuthn, 6.5.5), which is what Node expects.
    verifies: (signed, signature) => verify(algorithm.hash, signed, publicKey, signature),
  };
}

function importKey(jwk: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch (cause) {
    throw new CoseKeyInvalid('The key has impossible values.', { cause });
  }
}

/** Whether the key is of this kind and has as many parameters as that has, `kty` and `alg` included: no others are allowed (WebAuthn, 5.8.5). */
function demandKind(key: CborMap, kty: number, parameters: number): void {
  const fits = key.get(Label.kty) === kty && key.size === parameters;
  if (!fits) throw new CoseKeyInvalid('The key is of another kind than its algorithm.');
}

function demandCurve(key: CborMap, curve: number): void {
  if (key.get(Label.crvOrN) !== curve) throw new CoseKeyInvalid('The key is on another curve.');
}

function ecJwk(key: CborMap): JsonWebKey {
  demandKind(key, 2, 5);
  demandCurve(key, 1);
  return { kty: 'EC', crv: 'P-256', x: coordinate(key.get(Label.xOrE)), y: coordinate(key.get(Label.y)) };
}

function okpJwk(key: CborMap): JsonWebKey {
  demandKind(key, 1, 4);
  demandCurve(key, 6);
  return { kty: 'OKP', crv: 'Ed25519', x: coordinate(key.get(Label.xOrE)) };
}

function rsaJwk(key: CborMap): JsonWebKey {
  demandKind(key, 3, 4);
  const [n, e] = [key.get(Label.crvOrN), key.get(Label.xOrE)];
  if (!Buffer.isBuffer(n) || !Buffer.isBuffer(e)) throw new CoseKeyInvalid('The modulus or the exponent is missing.');
  const [first = 0] = n;
  const bits = n.length * 8 - (Math.clz32(first) - 24);
  if (first === 0 || bits < RSA_BITS.least || bits > RSA_BITS.most) {
    throw new CoseKeyInvalid('The modulus is too short or too long.');
  }
  // As every authenticator has it. An exponent of 1 would make each text its own signature.
  if (!e.equals(Buffer.from([1, 0, 1]))) throw new CoseKeyInvalid('The exponent is not 65537.');
  return { kty: 'RSA', n: n.toString('base64url'), e: e.toString('base64url') };
}

/** A coordinate, or a public key of Ed25519. */
function coordinate(value: unknown): string {
  if (!Buffer.isBuffer(value) || value.length !== 32) throw new CoseKeyInvalid('A coordinate has not 32 bytes.');
  return value.toString('base64url');
}
