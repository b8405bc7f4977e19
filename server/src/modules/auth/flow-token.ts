import { after, type Clock, MINUTE } from '../../platform/clock.ts';
import { decodeBase64url } from '../../platform/crypto/base64url.ts';
import { type Keyring, SealBroken, UnknownKey } from '../../platform/crypto/keyring.ts';
import type { UserRecord } from '../users/user-store.ts';

export type Step = 'change_password' | 'verify_email';

/** A sign-in whose password was right, and that waits for a step. */
export interface Flow {
  userId: string;
  step: Step;
  /** The password that was right: a newer one voids the flow. */
  passwordVersion: number;
}

export interface FlowTokens {
  issue(user: UserRecord, step: Step): string;
  /** Null for what we did not make, and for what is older than ten minutes. */
  open(token: string): Flow | null;
}

const PURPOSE = 'sign-in-flow';
const TTL = 10 * MINUTE;

/** Flow tokens: sealed, so they carry their state themselves; used up by the step that they lead to. */
export function createFlowTokens({ keyring, clock }: { keyring: Keyring; clock: Clock }): FlowTokens {
  return {
    issue(user, step) {
      const flow = { userId: user.id, step, passwordVersion: user.passwordVersion };
      const until = after(clock(), TTL).getTime();
      return keyring.seal(PURPOSE, Buffer.from(JSON.stringify({ ...flow, until })), PURPOSE);
    },

    open(token) {
      if (!decodeBase64url(token.slice(token.indexOf('.') + 1))) return null;
      try {
        const { until, ...flow } = JSON.parse(keyring.open(PURPOSE, token, PURPOSE).toString()) as Flow & {
          until: number;
        };
        return until > clock().getTime() ? flow : null;
      } catch (error) {
        if (error instanceof SealBroken || error instanceof UnknownKey) return null;
        throw error;
      }
    },
  };
}
