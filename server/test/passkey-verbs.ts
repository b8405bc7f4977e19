import type { RegistrationJson } from '../src/platform/crypto/webauthn/webauthn.ts';
import { ok, type SignedInBody } from './client.ts';
import type { Client, Scene } from './scenario.ts';
import { type CreationOptions, createAuthenticator, type Deviations } from './webauthn-device.ts';

type Device = ReturnType<typeof createAuthenticator>;
type Sender = Pick<Scene, 'client'>;

export interface PasskeyJson {
  id: string;
  name: string;
  provider: string | null;
  syncable: boolean;
  backedUp: boolean;
  transports: string[];
  lastUsedAt: string | null;
  lastDevice: string | null;
}

export interface Signal {
  rpId: string;
  userId: string;
  allAcceptedCredentialIds: string[];
  name: string;
  displayName: string;
}

/** What a page gets for the browser: options for a new passkey, or for one that there is. */
export interface Begun<Options> {
  challengeToken: string;
  options: Options;
}
export type CreationJson = CreationOptions & { authenticatorSelection: Record<string, unknown>; attestation: string };
export interface RequestJson {
  challenge: string;
  rpId: string;
  userVerification: string;
  allowCredentials: { id: string }[];
}

/** Asks for options of a new passkey. `token`: of a fresh session. */
export async function beginPasskey({ client }: Sender, token: string, body?: object): Promise<Begun<CreationJson>> {
  return ok(await client.send('POST', '/users/me/passkeys/options', { token, ...(body && { body }) }), 200);
}

/** Sends what the browser answered. */
export function sendPasskey(
  { client }: Sender,
  token: string,
  challengeToken: string,
  response: unknown,
  name?: string,
) {
  return client.send('POST', '/users/me/passkeys', {
    token,
    body: { challengeToken, response, ...(name && { name }) },
  });
}

/** As the browser has it, with what it adds by itself. */
export const asToJson = (json: RegistrationJson, more: object = { transports: ['internal', 'hybrid'] }) => ({
  ...json,
  authenticatorAttachment: 'platform',
  clientExtensionResults: { credProps: { rk: true } },
  response: { ...json.response, publicKeyAlgorithm: -7, ...more },
});

/** Adds a passkey as its owner does. */
export async function addPasskey(s: Sender, token: string, device: Device = createAuthenticator(), d: Deviations = {}) {
  const { challengeToken, options } = await beginPasskey(s, token);
  const answer = await sendPasskey(s, token, challengeToken, asToJson(device.create(options, d)));
  const added = ok<{ passkey: PasskeyJson; signal: Signal; recoveryCodes?: string[] }>(answer, 201);
  return { ...added, device };
}

/** A challenge for a sign-in. */
export async function beginSignIn({ client }: Sender): Promise<Begun<RequestJson>> {
  return ok(await client.send('POST', '/auth/passkey/options'), 200);
}

/** Sends what the browser answered to it. */
export function sendAssertion(client: Client, challengeToken: string, response: unknown) {
  return client.send('POST', '/auth/passkey', { body: { challengeToken, response, tokenTransport: 'body' } });
}

/** A whole sign-in; the answer as it is. */
export async function passkeySignIn(s: Sender, device: Device, d: Parameters<Device['get']>[1] = {}) {
  const { challengeToken, options } = await beginSignIn(s);
  return sendAssertion(s.client, challengeToken, device.get(options, d));
}

export const signedInBy = async (s: Sender, device: Device): Promise<SignedInBody> =>
  ok(await passkeySignIn(s, device), 200);
