import { readCbor } from './cbor.ts';

/** The bytes are no authenticator data. */
export class AuthenticatorDataInvalid extends Error {
  override readonly name = 'AuthenticatorDataInvalid';
}

/** What an authenticator says (WebAuthn, 6.1). */
export interface AuthenticatorData {
  /** SHA-256 of the relying party's id. */
  rpIdHash: Buffer;
  userPresent: boolean;
  userVerified: boolean;
  /** Whether the key can leave its device, as in a password manager; never changes. */
  backupEligible: boolean;
  /** Whether it did. */
  backedUp: boolean;
  /** 0 throughout for keys that do not count. */
  counter: number;
  /** The new credential; only in a registration. */
  attested: { aaguid: string; credentialId: Buffer; publicKey: Buffer } | null;
}

const Flag = { UP: 0x01, UV: 0x04, BE: 0x08, BS: 0x10, AT: 0x40, ED: 0x80 } as const;
const HEAD_BYTES = 37;
const AAGUID_BYTES = 16;
/** WebAuthn, 7.1: longer ids are refused. */
export const MOST_ID_BYTES = 1023;

/** Reads authenticator data to its last byte. Throws `AuthenticatorDataInvalid` or `CborInvalid`. */
export function readAuthenticatorData(bytes: Buffer): AuthenticatorData {
  if (bytes.length < HEAD_BYTES) throw new AuthenticatorDataInvalid('The head is too short.');
  const flags = bytes.readUInt8(32);
  const has = (flag: number) => (flags & flag) !== 0;
  if (has(Flag.BS) && !has(Flag.BE)) throw new AuthenticatorDataInvalid('Backed up, and not eligible for it.');
  const attested = has(Flag.AT) ? readAttested(bytes) : null;
  let end = attested?.end ?? HEAD_BYTES;
  if (has(Flag.ED)) {
    const extensions = readCbor(bytes, end);
    if (!(extensions.value instanceof Map)) throw new AuthenticatorDataInvalid('Extensions are no map.');
    end = extensions.end;
  }
  if (end !== bytes.length) throw new AuthenticatorDataInvalid('There are bytes behind it.');
  return {
    rpIdHash: bytes.subarray(0, 32),
    userPresent: has(Flag.UP),
    userVerified: has(Flag.UV),
    backupEligible: has(Flag.BE),
    backedUp: has(Flag.BS),
    counter: bytes.readUInt32BE(33),
    attested: attested?.credential ?? null,
  };
}

function readAttested(bytes: Buffer) {
  const idAt = HEAD_BYTES + AAGUID_BYTES + 2;
  if (bytes.length < idAt) throw new AuthenticatorDataInvalid('The credential is too short.');
  const length = bytes.readUInt16BE(idAt - 2);
  const keyAt = idAt + length;
  if (length === 0 || length > MOST_ID_BYTES || keyAt > bytes.length) {
    throw new AuthenticatorDataInvalid('The id of the credential has an impossible length.');
  }
  const { end } = readCbor(bytes, keyAt);
  const credential = {
    aaguid: toUuid(bytes.toString('hex', HEAD_BYTES, HEAD_BYTES + AAGUID_BYTES)),
    credentialId: bytes.subarray(idAt, keyAt),
    publicKey: bytes.subarray(keyAt, end),
  };
  return { credential, end };
}

function toUuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
