import { randomBytes } from 'node:crypto';
import { after, type Clock, MINUTE, SECOND } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { createMacTokens } from '../../platform/crypto/mac-token.ts';
import type { Nonce } from './nonce-store.ts';

export interface Nonces {
  /** A new nonce. Nothing is stored: requesting many costs no row. `expiresIn`: seconds. */
  issue(): { nonce: string; expiresIn: number };
  /** The nonce of a text that this server issued and that has not expired, else null. The store knows whether it was used. */
  read(text: string): Nonce | null;
}

const TTL = 5 * MINUTE;
/** Milliseconds, as they are compared. */
const TIME_BYTES = 6;
const ID_BYTES = 16;

/** Self-authenticating nonces: they prove that this server, or another with its secret, issued them, and their expiry. */
export function createNonces({ keyring, clock }: { keyring: Keyring; clock: Clock }): Nonces {
  const tokens = createMacTokens({ keyring, purpose: 'transport-nonce', bodyBytes: TIME_BYTES + ID_BYTES });

  return {
    issue() {
      const expiry = Buffer.alloc(TIME_BYTES);
      expiry.writeUIntBE(after(clock(), TTL).getTime(), 0, TIME_BYTES);
      return { nonce: tokens.make(Buffer.concat([expiry, randomBytes(ID_BYTES)])), expiresIn: TTL / SECOND };
    },

    read(text) {
      const body = tokens.read(text);
      if (body === null) return null;
      const expiresAt = new Date(body.readUIntBE(0, TIME_BYTES));
      return expiresAt <= clock() ? null : { id: body.toString('hex', TIME_BYTES), expiresAt };
    },
  };
}
