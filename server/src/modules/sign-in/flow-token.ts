import { createHash } from 'node:crypto';
import { after, type Clock, MINUTE } from '../../platform/clock.ts';
import { decodeBase64url } from '../../platform/crypto/base64url.ts';
import { type Keyring, SealBroken, UnknownKey } from '../../platform/crypto/keyring.ts';
import type { TokenForm } from '../../platform/http/token-form.ts';
import type { Proof } from '../sessions/session-store.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { StepName } from './decide.ts';

type Epochs = Pick<UserRecord, 'sessionEpoch' | 'grantEpoch' | 'credentialEpoch'>;

/** A sign-in that waits for a step, or a session that needs one to continue. */
export interface Flow {
  /** Id of the session that the flow becomes, whose insert uses the flow up; or of the session that continues. */
  id: string;
  becomes: 'session' | 'elevation';
  /** Generation of the continuing session when it asked: a rotation voids the flow. 0 for a new session. */
  generation: number;
  userId: string;
  clientId: string;
  /** Version of the user's password at the first factor. A newer password voids the flow. */
  passwordVersion: number;
  /** Epochs of the account at the first factor. A newer epoch voids the flow. */
  epochs: Epochs;
  proofs: readonly Proof[];
  /** The enrolment of a second factor was put off. */
  later: boolean;
  /** Ten minutes after the first factor; no step extends it. */
  until: Date;
}

/** A flow as read from its token. The previous version kept no epochs. */
export type SealedFlow = Omit<Flow, 'epochs'> & { epochs: Epochs | null };

export interface FlowTokens {
  /** Seals a flow. `step`: the one that it waits for. */
  issue(flow: Flow, step: StepName): string;
  /** Null if this server did not make the token, or it has expired. `step`: the one that it was issued for. */
  open(token: string): { flow: SealedFlow; step: StepName } | null;
}

/** As the keyring seals: the id of a key, and base64url. */
export const FLOW_TOKEN_FORM: TokenForm = {
  name: 'flow token',
  matches: (token) => /^[0-9a-f]{8}\.[\w-]+$/.test(token),
  sample: '00000000.AAAA',
};

/** Milliseconds from the first factor to the last step. */
export const FLOW_TTL = 10 * MINUTE;
/** The previous version opens `session` only: it would turn an elevation into a new session. */
const PURPOSES = { session: 'sign-in-flow', elevation: 'session-elevation' } as const;

/** The sealed JSON. The previous version wrote and reads only `userId`, `step`, `passwordVersion` and `until`. */
interface Sealed {
  userId: string;
  step: StepName;
  passwordVersion: number;
  /** Unix milliseconds. */
  until: number;
  id?: string;
  becomes?: Flow['becomes'];
  generation?: number;
  clientId?: string;
  epochs?: Epochs;
  /** Unix milliseconds. */
  proofs?: { method: Proof['method']; at: number }[];
  later?: true;
}

/** Flow tokens: encrypted and authenticated (AEAD). They carry the proofs that were given, so nothing is stored. */
export function createFlowTokens({ keyring, clock }: { keyring: Keyring; clock: Clock }): FlowTokens {
  function unseal(token: string, purpose: string): Sealed | null {
    try {
      return JSON.parse(keyring.open(purpose, token, purpose).toString()) as Sealed;
    } catch (error) {
      if (error instanceof SealBroken || error instanceof UnknownKey) return null;
      throw error;
    }
  }

  return {
    issue({ id, becomes, generation, userId, clientId, passwordVersion, epochs, proofs, later, until }, step) {
      const sealed: Sealed = {
        userId,
        step,
        passwordVersion,
        until: until.getTime(),
        id,
        becomes,
        generation,
        clientId,
        epochs,
        proofs: proofs.map(({ method, at }) => ({ method, at: at.getTime() })),
        ...(later && { later }),
      };
      const purpose = PURPOSES[becomes];
      return keyring.seal(purpose, Buffer.from(JSON.stringify(sealed)), purpose);
    },

    open(token) {
      if (!FLOW_TOKEN_FORM.matches(token) || !decodeBase64url(token.slice(token.indexOf('.') + 1))) return null;
      const sealed = unseal(token, PURPOSES.session) ?? unseal(token, PURPOSES.elevation);
      if (!sealed || sealed.until <= clock().getTime()) return null;
      return { flow: flowOf(sealed, token), step: sealed.step };
    },
  };
}

function flowOf(sealed: Sealed, token: string): SealedFlow {
  const {
    userId,
    passwordVersion,
    until,
    becomes = 'session',
    generation = 0,
    clientId = 'ostiary',
    epochs = null,
  } = sealed;
  // The previous version asked for steps only after a password.
  const proofs = sealed.proofs ?? [{ method: 'password' as const, at: after(new Date(until), -FLOW_TTL).getTime() }];
  return {
    id: sealed.id ?? idFrom(token),
    becomes,
    generation,
    userId,
    clientId,
    passwordVersion,
    epochs,
    proofs: proofs.map(({ method, at }) => ({ method, at: new Date(at) })),
    later: sealed.later === true,
    until: new Date(until),
  };
}

/** An id derived from a token of the previous version, which has none: so that it, too, can be used once. */
function idFrom(token: string): string {
  const hex = createHash('sha256').update(token).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `7${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}

/** The epochs of an account that a flow is bound to. */
export function epochsOf({ sessionEpoch, grantEpoch, credentialEpoch }: Epochs): Epochs {
  return { sessionEpoch, grantEpoch, credentialEpoch };
}

/** Whether the account still has the password and the epochs of the flow. */
export function stillStands({ passwordVersion, epochs }: SealedFlow, user: UserRecord): boolean {
  if (user.passwordVersion !== passwordVersion) return false;
  if (epochs === null) return true;
  const now = epochsOf(user);
  return (Object.keys(now) as (keyof Epochs)[]).every((name) => now[name] === epochs[name]);
}
