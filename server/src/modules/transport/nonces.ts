import { randomBytes } from 'node:crypto';
import { after, type Clock, MINUTE, SECOND } from '../../platform/clock.ts';
import { decodeBase64url } from '../../platform/crypto/base64url.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { sameSecret } from '../../platform/crypto/one-time.ts';
import type { Nonce } from './nonce-store.ts';

export interface Nonces {
  /** A new one. Nothing of it is written anywhere: whoever asks for many costs no row. `expiresIn`: seconds. */
  issue(): { nonce: string; expiresIn: number };
  /** What a text stands for if it is one of ours and has not expired, else null. Whether it was used, the store knows. */
  read(text: string): Nonce | null;
}

const VERSION = 1;
const TTL = 5 * MINUTE;
const PURPOSE = 'transport-nonce';
/** Where the parts begin: version, key, expiry in milliseconds, random id, MAC over all before it. */
const PARTS = { keyId: 1, expiry: 5, id: 11, mac: 27 };
const EXPIRY_BYTES = PARTS.id - PARTS.expiry;
const ID_BYTES = PARTS.mac - PARTS.id;
const BYTES = PARTS.mac + 32;

/** Nonces that prove by themselves that this server, or another with its secret, issued them, and until when they are good. */
export function createNonces({ keyring, clock }: { keyring: Keyring; clock: Clock }): Nonces {
  return {
    issue() {
      const signed = Buffer.alloc(PARTS.mac);
      signed.writeUInt8(VERSION);
      signed.write(keyring.currentKeyId, PARTS.keyId, 'hex');
      signed.writeUIntBE(after(clock(), TTL).getTime(), PARTS.expiry, EXPIRY_BYTES);
      randomBytes(ID_BYTES).copy(signed, PARTS.id);
      return {
        nonce: Buffer.concat([signed, keyring.mac(PURPOSE, [signed])]).toString('base64url'),
        expiresIn: TTL / SECOND,
      };
    },

    read(text) {
      const bytes = decodeBase64url(text);
      if (bytes?.length !== BYTES || bytes.readUInt8() !== VERSION) return null;
      const keyId = bytes.toString('hex', PARTS.keyId, PARTS.expiry);
      const [signed, mac] = [bytes.subarray(0, PARTS.mac), bytes.subarray(PARTS.mac)];
      if (!keyring.has(keyId) || !sameSecret(mac, keyring.mac(PURPOSE, [signed], keyId))) return null;
      const expiresAt = new Date(signed.readUIntBE(PARTS.expiry, EXPIRY_BYTES));
      if (expiresAt <= clock()) return null;
      return { id: signed.toString('hex', PARTS.id), expiresAt };
    },
  };
}
