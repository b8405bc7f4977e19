import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { AuthenticationJson, RegistrationJson } from '../src/platform/crypto/webauthn/webauthn.ts';

/** COSE identifiers. */
export const ES256 = -7;
export const EDDSA = -8;
export const RS256 = -257;

export const FLAGS = { UP: 0x01, UV: 0x04, BE: 0x08, BS: 0x10, AT: 0x40, ED: 0x80 };

type Encodable = number | string | boolean | Buffer | readonly Encodable[] | Map<number | string, Encodable>;

/** CBOR as CTAP2 writes it, apart from the order of keys, which is that of the map. */
export function encodeCbor(value: Encodable): Buffer {
  if (typeof value === 'number') return value < 0 ? cborHead(1, -1 - value) : cborHead(0, value);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xf5 : 0xf4]);
  if (typeof value === 'string') return Buffer.concat([cborHead(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([cborHead(2, value.length), value]);
  if (value instanceof Map) {
    const entries = [...value].flatMap(([key, one]) => [encodeCbor(key), encodeCbor(one)]);
    return Buffer.concat([cborHead(5, value.size), ...entries]);
  }
  return Buffer.concat([cborHead(4, value.length), ...value.map(encodeCbor)]);
}

function cborHead(major: number, count: number): Buffer {
  if (count < 24) return Buffer.from([(major << 5) | count]);
  if (count < 0x100) return Buffer.from([(major << 5) | 24, count]);
  if (count < 0x10000) return Buffer.from([(major << 5) | 25, count >> 8, count & 0xff]);
  const head = Buffer.from([(major << 5) | 26, 0, 0, 0, 0]);
  head.writeUInt32BE(count, 1);
  return head;
}

/** What one ceremony has otherwise than an honest one: each may be left out. */
export interface Deviations {
  type?: string;
  challenge?: string;
  origin?: string;
  /** More members of the client data. */
  client?: object;
  /** Replaces the bytes of the client data. */
  clientData?: Buffer;
  rpId?: string;
  /** The flags of the authenticator data, instead of UP, UV (if it verifies) and AT (in a registration). */
  flags?: number;
  counter?: number;
  /** Replaces the authenticator data. */
  authData?: (data: Buffer) => Buffer;
  /** Replaces the COSE_Key. */
  publicKey?: Buffer;
  attestation?: Map<string, Encodable>;
  signature?: (signature: Buffer) => Buffer;
  /** Signs with the key of another credential. */
  signedBy?: Credential;
  userHandle?: string | null;
  id?: string;
  /** More members of the response's JSON. */
  json?: object;
}

export interface Credential {
  id: string;
  algorithm: number;
  privateKey: KeyObject;
  cose: Buffer;
  rpId: string;
  userHandle: string;
  counter: number;
}

/** The members of creation options that an authenticator looks at. */
export interface CreationOptions {
  challenge: string;
  rp: { id?: string };
  user: { id: string };
  pubKeyCredParams: readonly { alg: number }[];
  excludeCredentials?: readonly { id: string }[];
}

/**
 * A software authenticator with the browser around it: `const device = createAuthenticator(); const json = device.create(options)`. `counts`:
 * whether its counter rises; `synced`: whether its keys are in a password manager.
 */
export function createAuthenticator(
  options: { origin?: string; verifies?: boolean; counts?: boolean; synced?: boolean; aaguid?: string } = {},
) {
  const { origin = 'http://localhost:8000', verifies = true, counts = false, synced = true } = options;
  const aaguid = Buffer.from((options.aaguid ?? '00000000-0000-0000-0000-000000000000').replaceAll('-', ''), 'hex');
  const credentials: Credential[] = [];
  const baseFlags = FLAGS.UP | (verifies ? FLAGS.UV : 0) | (synced ? FLAGS.BE | FLAGS.BS : 0);

  const clientDataOf = (type: string, challenge: string, d: Deviations): Buffer => {
    const said = {
      type: d.type ?? type,
      challenge: d.challenge ?? challenge,
      origin: d.origin ?? origin,
      crossOrigin: false,
    };
    return d.clientData ?? Buffer.from(JSON.stringify({ ...said, ...d.client }));
  };

  function authDataOf(rpId: string, flags: number, counter: number, rest: Buffer, d: Deviations): Buffer {
    const head = Buffer.alloc(5);
    head.writeUInt8(d.flags ?? flags, 0);
    head.writeUInt32BE(d.counter ?? counter, 1);
    const hash = createHash('sha256')
      .update(d.rpId ?? rpId)
      .digest();
    const data = Buffer.concat([hash, head, rest]);
    return d.authData?.(data) ?? data;
  }

  return {
    credentials,

    /** What a browser answers to creation options. */
    create(asked: CreationOptions, d: Deviations & { algorithm?: number } = {}): RegistrationJson {
      const algorithm = d.algorithm ?? asked.pubKeyCredParams[0]?.alg ?? ES256;
      const { privateKey, cose } = makeKey(algorithm);
      const rpId = asked.rp.id ?? 'localhost';
      const id = randomBytes(20);
      const credential = { id: d.id ?? id.toString('base64url'), algorithm, privateKey, cose, rpId, counter: 0 };
      credentials.push({ ...credential, userHandle: asked.user.id });
      const length = Buffer.from([id.length >> 8, id.length & 0xff]);
      const rest = Buffer.concat([aaguid, length, id, d.publicKey ?? cose]);
      const authData = authDataOf(rpId, baseFlags | FLAGS.AT, 0, rest, d);
      const attestation =
        d.attestation ??
        new Map<string, Encodable>([
          ['fmt', 'none'],
          ['attStmt', new Map()],
        ]);
      attestation.set('authData', authData);
      return {
        id: credential.id,
        rawId: credential.id,
        type: 'public-key',
        response: {
          clientDataJSON: clientDataOf('webauthn.create', asked.challenge, d).toString('base64url'),
          attestationObject: encodeCbor(attestation).toString('base64url'),
        },
        ...d.json,
      };
    },

    /** What a browser answers to request options, with the credential that was made last, or this one. */
    get(
      asked: { challenge: string; rpId?: string },
      d: Deviations & { credential?: Credential } = {},
    ): AuthenticationJson {
      const credential = d.credential ?? credentials.at(-1);
      if (!credential) throw new TypeError('The authenticator holds no credential.');
      if (counts) credential.counter++;
      const authData = authDataOf(asked.rpId ?? credential.rpId, baseFlags, credential.counter, Buffer.alloc(0), d);
      const clientData = clientDataOf('webauthn.get', asked.challenge, d);
      const signed = Buffer.concat([authData, createHash('sha256').update(clientData).digest()]);
      const signature = signBy(d.signedBy ?? credential, signed);
      const userHandle = d.userHandle === undefined ? credential.userHandle : d.userHandle;
      return {
        id: d.id ?? credential.id,
        rawId: d.id ?? credential.id,
        type: 'public-key',
        response: {
          clientDataJSON: clientData.toString('base64url'),
          authenticatorData: authData.toString('base64url'),
          signature: (d.signature?.(signature) ?? signature).toString('base64url'),
          ...(userHandle !== null && { userHandle }),
        },
        ...d.json,
      };
    },
  };
}

function signBy({ algorithm, privateKey }: Credential, signed: Buffer): Buffer {
  return sign(algorithm === EDDSA ? null : 'sha256', signed, privateKey);
}

/** A key pair of an algorithm, with its COSE_Key. */
export function makeKey(algorithm: number, bits = 2048): { privateKey: KeyObject; cose: Buffer } {
  const bytes = (text = '') => Buffer.from(text, 'base64url');
  if (algorithm === RS256) {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
    const { n, e } = publicKey.export({ format: 'jwk' });
    return { privateKey, cose: coseKey({ 1: 3, 3: RS256, [-1]: bytes(n), [-2]: bytes(e) }) };
  }
  if (algorithm === EDDSA) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    return {
      privateKey,
      cose: coseKey({ 1: 1, 3: EDDSA, [-1]: 6, [-2]: bytes(publicKey.export({ format: 'jwk' }).x) }),
    };
  }
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x, y } = publicKey.export({ format: 'jwk' });
  return { privateKey, cose: coseKey({ 1: 2, 3: ES256, [-1]: 1, [-2]: bytes(x), [-3]: bytes(y) }) };
}

/** A COSE_Key of these parameters. */
export function coseKey(parameters: Readonly<Record<string, number | Buffer>>): Buffer {
  return encodeCbor(new Map(Object.entries(parameters).map(([label, value]) => [Number(label), value])));
}
