import { decodeBase64url } from '../../platform/crypto/base64url.ts';
import { type Keyring, SealBroken, UnknownKey } from '../../platform/crypto/keyring.ts';

const SECRET = 'totp-secret';
const ENROLMENT = 'totp-enrolment';

/** An authenticator app that waits for its first code. It is in its sealed token only. */
export interface Enrolment {
  /** The id that the factor gets: the same token adds one factor. */
  id: string;
  userId: string;
  /** The session or the flow that began it. */
  boundTo: string;
  credentialEpoch: number;
  name: string;
  secret: Buffer;
  until: Date;
}

type Sealed = Omit<Enrolment, 'secret' | 'until'> & { secret: string; until: number };

/** Seals the secrets of authenticator apps. They must be used, so that a hash would not do; each seal is good for one factor of one user. */
export interface TotpSeals {
  seal(factorId: string, secret: Uint8Array): string;
  /** Null if it was altered, or sealed with a `SECRET_KEY` that this instance does not have. */
  open(factorId: string, sealed: string): Buffer | null;
  /** The same secret under the present `SECRET_KEY`; null if it is already, or cannot be opened. */
  reseal(factorId: string, sealed: string): string | null;
  issueEnrolment(enrolment: Enrolment): string;
  /** Null if this server did not make the token. */
  openEnrolment(token: string): Enrolment | null;
}

export function createTotpSeals({ keyring }: { keyring: Keyring }): TotpSeals {
  function unseal(purpose: string, sealed: string, context: string): Buffer | null {
    try {
      return keyring.open(purpose, sealed, context);
    } catch (error) {
      if (error instanceof SealBroken || error instanceof UnknownKey) return null;
      throw error;
    }
  }

  const open = (factorId: string, sealed: string) => unseal(SECRET, sealed, factorId);
  const seal = (factorId: string, secret: Uint8Array) => keyring.seal(SECRET, secret, factorId);

  return {
    seal,
    open,

    reseal(factorId, sealed) {
      if (keyring.sealedBy(sealed) === keyring.currentKeyId) return null;
      const secret = open(factorId, sealed);
      return secret && seal(factorId, secret);
    },

    issueEnrolment({ secret, until, ...rest }) {
      const sealed: Sealed = { ...rest, secret: secret.toString('base64url'), until: until.getTime() };
      return keyring.seal(ENROLMENT, Buffer.from(JSON.stringify(sealed)), ENROLMENT);
    },

    openEnrolment(token) {
      // One spelling only: what decodes to the same bytes is another token.
      if (!/^[0-9a-f]{8}\./.test(token) || !decodeBase64url(token.slice(9))) return null;
      const plain = unseal(ENROLMENT, token, ENROLMENT);
      if (!plain) return null;
      const { secret, until, ...rest } = JSON.parse(plain.toString()) as Sealed;
      return { ...rest, secret: Buffer.from(secret, 'base64url'), until: new Date(until) };
    },
  };
}
