import { createHash } from 'node:crypto';
import { decodeBase64url } from '../base64url.ts';
import { sameSecret } from '../one-time.ts';
import { type AuthenticatorData, MOST_ID_BYTES, readAuthenticatorData } from './authenticator-data.ts';
import { readCborMap } from './cbor.ts';
import { readCredentialKey } from './cose-key.ts';

/** A response is refused. The message says why, for tests and logs; clients never learn it. */
export class WebAuthnInvalid extends Error {
  override readonly name = 'WebAuthnInvalid';
}

/** What a browser's `credential.toJSON()` begins with; bytes are base64url. */
interface CredentialJson<Response> {
  id: string;
  rawId: string;
  type: string;
  response: Response;
}
export type RegistrationJson = CredentialJson<{ clientDataJSON: string; attestationObject: string }>;
export type AuthenticationJson = CredentialJson<{
  clientDataJSON: string;
  authenticatorData: string;
  signature: string;
  userHandle?: string | null;
}>;

/** What this server expects of every response. */
export interface Expected {
  /** The challenge that was issued, base64url. */
  challenge: string;
  /** As in `https://app.example.com`; compared exactly. */
  origins: readonly string[];
  rpId: string;
}

/** A new credential. Bytes are base64url. */
export interface RegisteredCredential {
  credentialId: string;
  /** COSE_Key. */
  publicKey: string;
  /** COSE identifier: -7 ES256, -8 EdDSA, -257 RS256. */
  algorithm: number;
  counter: number;
  /** Model of the authenticator as it says itself; nothing proves it. */
  aaguid: string;
  backupEligible: boolean;
  backedUp: boolean;
  userVerified: boolean;
}

export type Assertion = Pick<AuthenticatorData, 'userVerified' | 'backedUp' | 'counter'>;

/**
 * Verifies a registration (WebAuthn Level 3, 7.1) whose attestation was not asked for, and is not looked at. `presence` false: a browser may
 * have created the credential without asking the person (conditional create). Throws `WebAuthnInvalid`.
 */
export function verifyRegistration(
  json: RegistrationJson,
  expected: Expected & { presence: boolean },
): RegisteredCredential {
  return refusing(() => {
    const credentialId = credentialIdOf(json);
    checkClientData(json.response.clientDataJSON, 'webauthn.create', expected);
    const attestation = readCborMap(bytesOf(json.response.attestationObject));
    const [format, statement, data] = ['fmt', 'attStmt', 'authData'].map((name) => attestation.get(name));
    demand(typeof format === 'string', 'The attestation has no format.');
    demand(
      statement instanceof Map && (format !== 'none' || statement.size === 0),
      'The statement is not of its format.',
    );
    if (!Buffer.isBuffer(data)) throw new WebAuthnInvalid('There is no authenticator data.');
    const { attested, ...flags } = readAuthenticatorData(data);
    checkRpId(flags, expected);
    demand(flags.userPresent || !expected.presence, 'Nobody was present.');
    if (attested === null) throw new WebAuthnInvalid('There is no credential.');
    demand(attested.credentialId.equals(credentialId), 'The credential has another id.');
    return {
      credentialId: json.id,
      publicKey: attested.publicKey.toString('base64url'),
      algorithm: readCredentialKey(attested.publicKey).algorithm,
      counter: flags.counter,
      aaguid: attested.aaguid,
      backupEligible: flags.backupEligible,
      backedUp: flags.backedUp,
      userVerified: flags.userVerified,
    };
  });
}

/**
 * Verifies an assertion by the public key of the credential that it names (WebAuthn Level 3, 7.2). Whose credential that is, whether the
 * counter rose, and what a missing user verification means is for the caller to decide. Throws `WebAuthnInvalid`.
 */
export function verifyAuthentication(
  json: AuthenticationJson,
  expected: Expected,
  credential: { credentialId: string; publicKey: string; backupEligible: boolean },
): Assertion {
  return refusing(() => {
    const { clientDataJSON, authenticatorData, signature } = json.response;
    demand(credentialIdOf(json).toString('base64url') === credential.credentialId, 'Another credential was used.');
    const clientData = checkClientData(clientDataJSON, 'webauthn.get', expected);
    const bytes = bytesOf(authenticatorData);
    const { attested, userPresent, backupEligible, ...data } = readAuthenticatorData(bytes);
    demand(attested === null, 'An assertion has no new credential.');
    checkRpId(data, expected);
    demand(userPresent, 'Nobody was present.');
    demand(backupEligible === credential.backupEligible, 'Whether a credential can be backed up never changes.');
    const signed = Buffer.concat([bytes, createHash('sha256').update(clientData).digest()]);
    const key = readCredentialKey(bytesOf(credential.publicKey));
    demand(key.verifies(signed, bytesOf(signature)), 'The signature is wrong.');
    const { userVerified, backedUp, counter } = data;
    return { userVerified, backedUp, counter };
  });
}

/** Everything that a stranger's bytes can cause is one refusal. */
function refusing<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof WebAuthnInvalid) throw cause;
    throw new WebAuthnInvalid('The response is malformed.', { cause });
  }
}

function demand(condition: boolean, reason: string): void {
  if (!condition) throw new WebAuthnInvalid(reason);
}

function bytesOf(text: string): Buffer {
  const bytes = decodeBase64url(text);
  if (bytes === null) throw new WebAuthnInvalid('A text is not base64url.');
  return bytes;
}

function credentialIdOf({ id, rawId, type }: CredentialJson<unknown>): Buffer {
  const bytes = bytesOf(id);
  demand(type === 'public-key' && rawId === id, 'The credential is of another type.');
  demand(bytes.length > 0 && bytes.length <= MOST_ID_BYTES, 'The id of the credential has an impossible length.');
  return bytes;
}

/** Checks what the browser says (WebAuthn, 5.8.1); returns its bytes, which are signed. */
function checkClientData(text: string, type: string, { challenge, origins }: Expected): Buffer {
  const bytes = bytesOf(text);
  const data: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  if (typeof data !== 'object' || data === null) throw new WebAuthnInvalid('The client data are no object.');
  const said = data as Record<string, unknown>;
  demand(said.type === type, 'It is another ceremony.');
  demand(typeof said.challenge === 'string' && sameSecret(said.challenge, challenge), 'It is another challenge.');
  demand(typeof said.origin === 'string' && origins.includes(said.origin), 'It is another origin.');
  // A frame on a page of somebody else, whose surroundings the person saw.
  demand((said.crossOrigin ?? false) === false && said.topOrigin === undefined, 'It was in a frame of another origin.');
  return bytes;
}

function checkRpId({ rpIdHash }: Pick<AuthenticatorData, 'rpIdHash'>, { rpId }: Expected): void {
  demand(rpIdHash.equals(createHash('sha256').update(rpId).digest()), 'It is for another relying party.');
}
