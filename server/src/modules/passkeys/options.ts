import { ALGORITHM_IDS } from '../../platform/crypto/webauthn/cose-key.ts';
import type { FactorsRecord, PasskeyRecord } from '../factors/factor-store.ts';
import type { UserRecord } from '../users/user-store.ts';
import { CHALLENGE_TTL } from './challenges.ts';

/** Which authenticator a person wants. `device`: of this device. `security_key`: one to plug in; also such as cannot sign in by itself. */
export type PasskeyKind = 'any' | 'device' | 'security_key';

type Owner = Pick<UserRecord, 'id' | 'email' | 'username' | 'fullName'>;

const describePasskey = ({ credentialId: id, transports }: PasskeyRecord) => ({ type: 'public-key', id, transports });

/** How password managers call the account. */
export function accountNames({ id, email, username, fullName }: Owner): { name: string; displayName: string } {
  const name = email ?? username ?? id;
  return { name, displayName: fullName ?? username ?? name };
}

/**
 * Options for a sign-in (WebAuthn, 5.5). Without credentials: the person chooses the account in the browser, and nothing tells who has one.
 * User verification is required, because a passkey without it signs nobody in by itself (decision 58).
 */
export function signInOptions(rpId: string, challenge: string) {
  return { challenge, rpId, timeout: CHALLENGE_TTL, allowCredentials: [], userVerification: 'required' };
}

/** Options for a person who is known, and their passkeys: as a second factor, presence is enough. */
export function proofOptions(rpId: string, challenge: string, passkeys: readonly PasskeyRecord[]) {
  const allowCredentials = passkeys.filter((passkey) => passkey.rpId === rpId).map(describePasskey);
  return { challenge, rpId, timeout: CHALLENGE_TTL, allowCredentials, userVerification: 'preferred' };
}

const KINDS: Record<PasskeyKind, { hints: string[]; selection: object }> = {
  any: { hints: [], selection: { residentKey: 'required', requireResidentKey: true } },
  device: {
    hints: ['client-device'],
    selection: { authenticatorAttachment: 'platform', residentKey: 'required', requireResidentKey: true },
  },
  // An old key without room for passkeys still is a second factor.
  security_key: {
    hints: ['security-key'],
    selection: { authenticatorAttachment: 'cross-platform', residentKey: 'preferred', requireResidentKey: false },
  },
};

/** Options for a new passkey (WebAuthn, 5.4). */
export function creationOptions(
  rpId: string,
  challenge: string,
  given: { user: Owner; record: Pick<FactorsRecord, 'handle' | 'passkeys'>; kind: PasskeyKind },
) {
  const { user, record, kind } = given;
  const { hints, selection } = KINDS[kind];
  return {
    rp: { id: rpId, name: rpId },
    user: { id: record.handle, ...accountNames(user) },
    challenge,
    pubKeyCredParams: ALGORITHM_IDS.map((alg) => ({ type: 'public-key', alg })),
    timeout: CHALLENGE_TTL,
    excludeCredentials: record.passkeys.map(describePasskey),
    authenticatorSelection: { ...selection, userVerification: 'preferred' },
    hints,
    attestation: 'none',
    extensions: { credProps: true },
  };
}
