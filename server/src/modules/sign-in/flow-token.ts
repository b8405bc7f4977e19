import { createHash } from 'node:crypto';
import { after, type Clock, MINUTE } from '../../platform/clock.ts';
import { decodeBase64url } from '../../platform/crypto/base64url.ts';
import { type Keyring, SealBroken, UnknownKey } from '../../platform/crypto/keyring.ts';
import type { Proof } from '../sessions/session-store.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { StepName } from './decide.ts';

type Epochs = Pick<UserRecord, 'sessionEpoch' | 'grantEpoch' | 'credentialEpoch'>;

/** A sign-in that waits for a step, or a session that may not go on without one. */
export interface Flow {
  /** Of the session that it becomes, whose insert uses the flow up; or of the session that goes on. */
  id: string;
  becomes: 'session' | 'elevation';
  /** Of the session that goes on, when it asked: once its token was rotated, the flow is void. 0 for a session to be. */
  generation: number;
  userId: string;
  clientId: string;
  /** The password that was in force: a newer one voids the flow. */
  passwordVersion: number;
  /** The epochs of the account then. */
  epochs: Epochs;
  proofs: readonly Proof[];
  /** Ten minutes after the first factor; no step extends it. */
  until: Date;
}

/** A flow as its token says it: the version before this one kept no epochs. */
export type SealedFlow = Omit<Flow, 'epochs'> & { epochs: Epochs | null };

export interface FlowTokens {
  /** `step`: the one that it waits for. */
  issue(flow: Flow, step: StepName): string;
  /** Null for what we did not make, and for what has run out. `step`: the one that it was issued for. */
  open(token: string): { flow: SealedFlow; step: StepName } | null;
}

/** How long a flow may take. */
export const FLOW_TTL = 10 * MINUTE;
/** The version before this one opens the first only: of an elevation it would make a new, fresh session. */
const PURPOSES = { session: 'sign-in-flow', elevation: 'session-elevation' } as const;

/** What is sealed. `userId`, `step`, `passwordVersion` and `until` are what the version before this one reads, and all that it wrote. */
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
}

/** Flow tokens: sealed (AEAD), so they carry what was proved themselves, and nothing is stored. */
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
    issue({ id, becomes, generation, userId, clientId, passwordVersion, epochs, proofs, until }, step) {
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
      };
      const purpose = PURPOSES[becomes];
      return keyring.seal(purpose, Buffer.from(JSON.stringify(sealed)), purpose);
    },

    open(token) {
      if (!decodeBase64url(token.slice(token.indexOf('.') + 1))) return null;
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
  // The version before asked for steps after a password only.
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
    until: new Date(until),
  };
}

/** The same id for the same token, so that one of the version before, which named none, serves once as well. */
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

/** Whether nothing has moved since the flow began that voids it. */
export function stillStands({ passwordVersion, epochs }: SealedFlow, user: UserRecord): boolean {
  if (user.passwordVersion !== passwordVersion) return false;
  if (epochs === null) return true;
  const now = epochsOf(user);
  return (Object.keys(now) as (keyof Epochs)[]).every((name) => now[name] === epochs[name]);
}
