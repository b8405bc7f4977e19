import { randomBytes } from 'node:crypto';
import { type Clock, DAY } from '../../platform/clock.ts';
import { decodeBase64url } from '../../platform/crypto/base64url.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { sameSecret } from '../../platform/crypto/one-time.ts';

export interface DeviceTokens {
  /** Which device of this user these tokens prove; null for none. Costs a MAC for each, and no query. */
  read(tokens: string, userId: string): string | null;
  /** The tokens with one more, or a renewed one, for a device on which this user has just signed in. */
  add(tokens: string, userId: string): string;
}

/** Since the last sign-in. */
export const DEVICE_TTL = 180 * DAY;
/** People who share a browser; whoever signed in there longest ago makes room. */
const MOST_USERS = 4;
const KEY_ID_BYTES = 4;
const TIME_BYTES = 4;
const DEVICE_BYTES = 16;
const BODY_BYTES = KEY_ID_BYTES + TIME_BYTES + DEVICE_BYTES;
/** 128 bit: enough for what only opens a door that still asks for the password. */
const MAC_BYTES = 16;

/**
 * What a device keeps after a sign-in, so that strangers who guess at an account cannot lock its owner out (OWASP, "device cookies"):
 * `key id, time, device, MAC` in base64url, one for each user, joined by dots. The MAC binds it to a user whom it does not name. It
 * opens nothing by itself.
 */
export function createDeviceTokens({ keyring, clock }: { keyring: Keyring; clock: Clock }): DeviceTokens {
  const macOf = (body: Uint8Array, userId: string, keyId: string) =>
    keyring.mac('device', [body, userId], keyId).subarray(0, MAC_BYTES);

  function deviceIn(token: string, userId: string): Buffer | null {
    const bytes = decodeBase64url(token);
    if (bytes?.length !== BODY_BYTES + MAC_BYTES) return null;
    const body = bytes.subarray(0, BODY_BYTES);
    const keyId = body.toString('hex', 0, KEY_ID_BYTES);
    if (!keyring.has(keyId) || !sameSecret(bytes.subarray(BODY_BYTES), macOf(body, userId, keyId))) return null;
    const age = clock().getTime() - body.readUInt32BE(KEY_ID_BYTES) * 1000;
    return age > DEVICE_TTL ? null : body.subarray(KEY_ID_BYTES + TIME_BYTES);
  }

  function make(device: Uint8Array, userId: string): string {
    const keyId = keyring.currentKeyId;
    const body = Buffer.alloc(BODY_BYTES);
    body.write(keyId, 0, 'hex');
    body.writeUInt32BE(Math.floor(clock().getTime() / 1000), KEY_ID_BYTES);
    body.set(device, KEY_ID_BYTES + TIME_BYTES);
    return Buffer.concat([body, macOf(body, userId, keyId)]).toString('base64url');
  }

  const split = (tokens: string) => tokens.split('.', MOST_USERS);

  function find(tokens: string, userId: string): Buffer | null {
    for (const token of split(tokens)) {
      const device = deviceIn(token, userId);
      if (device) return device;
    }
    return null;
  }

  return {
    read: (tokens, userId) => find(tokens, userId)?.toString('base64url') ?? null,
    add(tokens, userId) {
      const others = split(tokens).filter((token) => token !== '' && deviceIn(token, userId) === null);
      const mine = make(find(tokens, userId) ?? randomBytes(DEVICE_BYTES), userId);
      return [mine, ...others].slice(0, MOST_USERS).join('.');
    },
  };
}
