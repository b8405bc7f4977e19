import { randomBytes } from 'node:crypto';
import { type Clock, DAY } from '../../platform/clock.ts';
import { decodeBase64url } from '../../platform/crypto/base64url.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { sameSecret } from '../../platform/crypto/one-time.ts';

/** Whose device it is; another password makes every device a stranger, for whoever knew the old one may hold tokens, too. */
export interface DeviceOwner {
  id: string;
  passwordVersion: number;
}

export interface DeviceTokens {
  /** Which device of this user these tokens prove; null for none. Costs a MAC for each, and no query. */
  read(tokens: string, owner: DeviceOwner): string | null;
  /** The tokens with one more, or a renewed one, for a device on which this user has just signed in. */
  add(tokens: string, owner: DeviceOwner): string;
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
  const macOf = (body: Uint8Array, { id, passwordVersion }: DeviceOwner, keyId: string) =>
    keyring.mac('device', [body, id, String(passwordVersion)], keyId).subarray(0, MAC_BYTES);

  function deviceIn(token: string, owner: DeviceOwner): Buffer | null {
    const bytes = decodeBase64url(token);
    if (bytes?.length !== BODY_BYTES + MAC_BYTES) return null;
    const body = bytes.subarray(0, BODY_BYTES);
    const keyId = body.toString('hex', 0, KEY_ID_BYTES);
    if (!keyring.has(keyId) || !sameSecret(bytes.subarray(BODY_BYTES), macOf(body, owner, keyId))) return null;
    const age = clock().getTime() - body.readUInt32BE(KEY_ID_BYTES) * 1000;
    return age > DEVICE_TTL ? null : body.subarray(KEY_ID_BYTES + TIME_BYTES);
  }

  function make(device: Uint8Array, owner: DeviceOwner): string {
    const keyId = keyring.currentKeyId;
    const body = Buffer.alloc(BODY_BYTES);
    body.write(keyId, 0, 'hex');
    body.writeUInt32BE(Math.floor(clock().getTime() / 1000), KEY_ID_BYTES);
    body.set(device, KEY_ID_BYTES + TIME_BYTES);
    return Buffer.concat([body, macOf(body, owner, keyId)]).toString('base64url');
  }

  const split = (tokens: string) => tokens.split('.', MOST_USERS);

  function find(tokens: string, owner: DeviceOwner): Buffer | null {
    for (const token of split(tokens)) {
      const device = deviceIn(token, owner);
      if (device) return device;
    }
    return null;
  }

  return {
    read: (tokens, owner) => find(tokens, owner)?.toString('base64url') ?? null,
    add(tokens, owner) {
      const others = split(tokens).filter((token) => token !== '' && deviceIn(token, owner) === null);
      const mine = make(find(tokens, owner) ?? randomBytes(DEVICE_BYTES), owner);
      return [mine, ...others].slice(0, MOST_USERS).join('.');
    },
  };
}
