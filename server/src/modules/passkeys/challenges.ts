import { randomBytes } from 'node:crypto';
import { after, type Clock, MINUTE } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { createMacTokens } from '../../platform/crypto/mac-token.ts';
import type { TokenForm } from '../../platform/http/token-form.ts';
import { newId } from '../../platform/ids.ts';

/**
 * What a challenge is for, and for whom. `proof`: of a known person, within a session or a flow. `silent`: a registration that the browser
 * does without asking.
 */
export type Ceremony =
  | { kind: 'sign_in' }
  | { kind: 'proof' | 'registration' | 'silent'; userId: string; boundTo: string };

export interface Challenge {
  /** UUIDv7: the session that a sign-in becomes takes it, which uses the challenge up. */
  id: string;
  /** 32 bytes, base64url. */
  challenge: string;
  issuedAt: Date;
  expiresAt: Date;
}

export interface Challenges {
  /** Nothing is stored: asking for many costs no row. */
  issue(ceremony: Ceremony): { challengeToken: string; challenge: string };
  /** Null for a token of another ceremony, person, session or flow, and one that has expired or that no server of ours made. */
  read(token: string, ceremony: Ceremony): Challenge | null;
}

/** Milliseconds for a ceremony; also what browsers are told. */
export const CHALLENGE_TTL = 5 * MINUTE;

const ID_BYTES = 16;
const TIME_BYTES = 6;
const CHALLENGE_BYTES = 32;
const BODY_BYTES = ID_BYTES + TIME_BYTES + CHALLENGE_BYTES;
/** With the id of the key, and the MAC. */
const LENGTH = ((BODY_BYTES + 4 + 32) * 4) / 3;

export const CHALLENGE_TOKEN_FORM: TokenForm = {
  name: 'passkey challenge',
  matches: (token) => token.length === LENGTH && /^[\w-]+$/.test(token),
  sample: 'A'.repeat(LENGTH),
};

/** Challenges of passkeys, which authenticate themselves: the ceremony and the person are in the MAC. */
export function createChallenges({ keyring, clock }: { keyring: Keyring; clock: Clock }): Challenges {
  const tokens = createMacTokens({ keyring, purpose: 'passkey-challenge', bodyBytes: BODY_BYTES });

  return {
    issue(ceremony) {
      const now = clock();
      const body = Buffer.alloc(BODY_BYTES);
      body.write(newId(now).replaceAll('-', ''), 0, 'hex');
      body.writeUIntBE(after(now, CHALLENGE_TTL).getTime(), ID_BYTES, TIME_BYTES);
      const challenge = randomBytes(CHALLENGE_BYTES);
      challenge.copy(body, ID_BYTES + TIME_BYTES);
      return { challengeToken: tokens.make(body, ...contextOf(ceremony)), challenge: challenge.toString('base64url') };
    },

    read(token, ceremony) {
      const body = tokens.read(token, ...contextOf(ceremony));
      if (body === null) return null;
      const expiresAt = new Date(body.readUIntBE(ID_BYTES, TIME_BYTES));
      if (expiresAt <= clock()) return null;
      return {
        id: toUuid(body.toString('hex', 0, ID_BYTES)),
        challenge: body.toString('base64url', ID_BYTES + TIME_BYTES),
        issuedAt: after(expiresAt, -CHALLENGE_TTL),
        expiresAt,
      };
    },
  };
}

function contextOf(ceremony: Ceremony): string[] {
  return ceremony.kind === 'sign_in' ? [ceremony.kind] : [ceremony.kind, ceremony.userId, ceremony.boundTo];
}

function toUuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
