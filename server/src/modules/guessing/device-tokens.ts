import { randomBytes } from 'node:crypto';
import { type Clock, DAY } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { createMacTokens } from '../../platform/crypto/mac-token.ts';

/** The owner of a device. A new password makes all devices unknown, since whoever knew the old one may have tokens, too. */
export interface DeviceOwner {
  id: string;
  passwordVersion: number;
}

export interface DeviceTokens {
  /** The device of this user that these tokens prove, or null. Costs a MAC per token, and no query. */
  read(tokens: string, owner: DeviceOwner): string | null;
  /** The tokens with a new or renewed one, for a device on which this user has just signed in. */
  add(tokens: string, owner: DeviceOwner): string;
}

/** Lifetime since the last sign-in. */
export const DEVICE_TTL = 180 * DAY;
/** Maximum number of users who share a browser; the earliest sign-in is dropped. */
const MOST_USERS = 4;
const TIME_BYTES = 4;
const DEVICE_BYTES = 16;

/**
 * Tokens of a device after a sign-in, so that strangers who guess at an account cannot lock its owner out (OWASP, "device cookies"):
 * time and device under a MAC, one token per user, joined by dots. The MAC binds a token to a user whom it does not name. A token
 * grants no access.
 */
export function createDeviceTokens({ keyring, clock }: { keyring: Keyring; clock: Clock }): DeviceTokens {
  const sealed = createMacTokens({ keyring, purpose: 'device', bodyBytes: TIME_BYTES + DEVICE_BYTES });
  const contextOf = ({ id, passwordVersion }: DeviceOwner) => [id, String(passwordVersion)];

  function deviceIn(token: string, owner: DeviceOwner): Buffer | null {
    const body = sealed.read(token, ...contextOf(owner));
    if (body === null || clock().getTime() - body.readUInt32BE() * 1000 > DEVICE_TTL) return null;
    return body.subarray(TIME_BYTES);
  }

  function make(device: Uint8Array, owner: DeviceOwner): string {
    const body = Buffer.alloc(TIME_BYTES + DEVICE_BYTES);
    body.writeUInt32BE(Math.floor(clock().getTime() / 1000));
    body.set(device, TIME_BYTES);
    return sealed.make(body, ...contextOf(owner));
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
      // A password change made the old token invalid; it would take the place of another user's token.
      const before = { ...owner, passwordVersion: owner.passwordVersion - 1 };
      const isTheirs = (token: string) => [owner, before].some((each) => deviceIn(token, each) !== null);
      const others = split(tokens).filter((token) => token !== '' && !isTheirs(token));
      const mine = make(find(tokens, owner) ?? randomBytes(DEVICE_BYTES), owner);
      return [mine, ...others].slice(0, MOST_USERS).join('.');
    },
  };
}
