import type { AuthenticationJson, RegistrationJson } from '../../platform/crypto/webauthn/webauthn.ts';
import { platformErrors } from '../../platform/errors.ts';

/** Characters of a member in base64url: a key of RSA with an attestation that nobody asked for has some thousands. */
const LONGEST = 32_768;
const MOST_TRANSPORTS = 10;

type Json = Readonly<Record<string, unknown>>;

/**
 * What a browser's `credential.toJSON()` answers to request options. Its schema is open, because browsers add members as they learn; only
 * what is known is read. Throws `validation_failed`.
 */
export function readAuthentication(value: unknown): AuthenticationJson {
  const { head, response } = read(value);
  const { userHandle } = response;
  return {
    ...head,
    response: {
      clientDataJSON: text(response, 'clientDataJSON'),
      authenticatorData: text(response, 'authenticatorData'),
      signature: text(response, 'signature'),
      userHandle: userHandle === undefined || userHandle === null ? null : text(response, 'userHandle'),
    },
  };
}

/** The same for creation options; `transports`: how the authenticator can be reached, as it says. Throws `validation_failed`. */
export function readRegistration(value: unknown): { json: RegistrationJson; transports: string[] } {
  const { head, response } = read(value);
  const [clientDataJSON, attestationObject] = [text(response, 'clientDataJSON'), text(response, 'attestationObject')];
  const { transports } = response;
  const named = Array.isArray(transports) ? transports.filter(isTransport).slice(0, MOST_TRANSPORTS) : [];
  return {
    json: { ...head, response: { clientDataJSON, attestationObject } },
    transports: [...new Set(named)].sort(),
  };
}

function read(value: unknown) {
  const json = asObject(value, '');
  const head = { id: text(json, 'id', ''), rawId: text(json, 'rawId', ''), type: text(json, 'type', '') };
  return { head, response: asObject(json.response, '/response') };
}

const isTransport = (value: unknown): value is string => typeof value === 'string' && /^[a-z-]{1,32}$/.test(value);

function asObject(value: unknown, path: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(path);
  return value as Json;
}

function text(json: Json, name: string, path = '/response'): string {
  const value = json[name];
  if (typeof value !== 'string' || value.length > LONGEST) throw malformed(`${path}/${name}`);
  return value;
}

function malformed(path: string): Error {
  const message = 'Send what `credential.toJSON()` answers, as it is.';
  return platformErrors.validation_failed({ errors: [{ path: `/response${path}`, message }] });
}
