import { actorOf } from '../../platform/http/actor.ts';
import { callerOf } from '../../platform/http/caller.ts';
import type { RoutePlugin } from '../../platform/http/part.ts';
import { optionalBody } from '../../platform/http/schemas.ts';
import type { DeviceCookie } from '../guessing/device-cookie.ts';
import { signedInSchema } from '../sessions/schemas.ts';
import type { Users } from '../users/users.ts';
import type { OwnPasskeys } from './own-passkeys.ts';
import type { PasskeySignIn } from './passkey-sign-in.ts';
import type { ProvePasskey } from './prove-passkey.ts';
import {
  addedPasskeySchema,
  addPasskeyBody,
  newPasskeyOptionsBody,
  passkeyChallengeSchema,
  passkeyListSchema,
  passkeyParams,
  passkeySignalSchema,
  passkeySignInBody,
  passkeyView,
  renamePasskeyBody,
  signalView,
} from './schemas.ts';

const TAGS = ['Passkeys'];
/** For visitors whose page asks at each load, many of whom may have one address. */
const OPTIONS_LIMIT = { name: 'passkey-options', points: 600, duration: 60 };
/** Signatures cannot be guessed; this only bounds what verifying them costs. */
const SIGN_IN_LIMIT = { name: 'passkey-sign-in', points: 300, duration: 60 };

/** The sign-in by a passkey, and what users do with their own. */
export function passkeyRoutes(deps: {
  passkeySignIn: PasskeySignIn;
  own: OwnPasskeys;
  provePasskey: ProvePasskey;
  users: Pick<Users, 'me'>;
  devices: DeviceCookie;
  rp: { rpId: string };
}): RoutePlugin {
  const { passkeySignIn, own, provePasskey, users, devices } = deps;
  const { rpId } = deps.rp;

  return async (app) => {
    app.post(
      '/auth/passkey/options',
      {
        config: { access: 'public', limit: OPTIONS_LIMIT },
        schema: {
          operationId: 'getPasskeyOptions',
          summary: 'Get a challenge for a sign-in by passkey',
          description:
            'For a button, and for the autofill of a field (`mediation: "conditional"`). Names nobody, stores nothing.',
          tags: TAGS,
          response: { 200: passkeyChallengeSchema },
        },
      },
      async () => passkeySignIn.begin(),
    );

    app.post(
      '/auth/passkey',
      {
        config: {
          access: 'public',
          limit: SIGN_IN_LIMIT,
          errors: ['passkey_invalid', 'passkey_unverified', 'step_required'],
          answerHeaders: ['Set-Cookie'],
        },
        schema: {
          operationId: 'signInByPasskey',
          summary: 'Sign in by passkey',
          description: 'Both factors in one. A challenge begins one session at most.',
          tags: TAGS,
          body: passkeySignInBody,
          response: { 200: signedInSchema },
        },
      },
      async (request, reply) => {
        const { tokenTransport = 'cookie', ...given } = request.body;
        const signedIn = await passkeySignIn.signIn(callerOf(request), given);
        return devices.handOut(reply, signedIn, tokenTransport);
      },
    );

    app.post(
      '/auth/reauthenticate/options',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'getReauthenticationOptions',
          summary: 'Get a challenge to prove yourself again by passkey',
          description: 'Send the answer to `POST /api/v1/auth/reauthenticate`, in the same session.',
          tags: TAGS,
          response: { 200: passkeyChallengeSchema },
        },
      },
      async (request) => {
        const actor = actorOf(request);
        return provePasskey.begin(await users.me(actor), actor.sessionId);
      },
    );

    app.get(
      '/users/me/passkeys',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'listMyPasskeys',
          summary: 'Your passkeys',
          description: 'With what to tell the browser (`signal`), so that it offers no passkey that was removed here.',
          tags: TAGS,
          response: { 200: passkeyListSchema },
        },
      },
      async (request) => {
        const mine = await own.list(actorOf(request));
        return { items: mine.passkeys.map(passkeyView), signal: signalView(rpId, mine) };
      },
    );

    app.post(
      '/users/me/passkeys/options',
      {
        config: { access: 'signedIn', fresh: true, errors: ['factor_limit'] },
        schema: {
          operationId: 'getNewPasskeyOptions',
          summary: 'Get the options for a new passkey',
          description: 'For this session; what the browser answers goes to `POST /api/v1/users/me/passkeys`.',
          tags: TAGS,
          body: optionalBody(newPasskeyOptionsBody),
          response: { 200: passkeyChallengeSchema },
        },
      },
      async (request) => own.begin(actorOf(request), request.body ?? {}),
    );

    app.post(
      '/users/me/passkeys',
      {
        config: {
          access: 'signedIn',
          errors: ['passkey_refused', 'passkey_exists', 'factor_limit', 'reauth_required'],
        },
        schema: {
          operationId: 'addPasskey',
          summary: 'Add a passkey',
          description:
            'It then signs in by itself, and beside the password it is asked for, unless the browser added it silently. Trusted devices end, sessions do not. The owner is notified by mail.',
          tags: TAGS,
          body: addPasskeyBody,
          response: { 201: addedPasskeySchema },
        },
      },
      async (request, reply) => {
        const added = await own.add(callerOf(request), actorOf(request), request.body);
        const { passkey, recoveryCodes } = added;
        return reply.code(201).send({
          passkey: passkeyView(passkey),
          signal: signalView(rpId, added),
          ...(recoveryCodes && { recoveryCodes }),
        });
      },
    );

    app.patch(
      '/users/me/passkeys/:id',
      {
        config: { access: 'signedIn', errors: ['passkey_not_found'] },
        schema: {
          operationId: 'renamePasskey',
          summary: 'Rename a passkey',
          description: 'Only the name in this list; the password manager has names of its own.',
          tags: TAGS,
          params: passkeyParams,
          body: renamePasskeyBody,
          response: { 200: passkeySignalSchema },
        },
      },
      async (request) => {
        const { id } = request.params;
        return {
          signal: signalView(rpId, await own.rename(callerOf(request), actorOf(request), id, request.body.name)),
        };
      },
    );

    app.delete(
      '/users/me/passkeys/:id',
      {
        config: { access: 'signedIn', fresh: true, errors: ['passkey_not_found', 'last_factor'] },
        schema: {
          operationId: 'removePasskey',
          summary: 'Remove a passkey',
          description: 'Sessions that it began continue. The owner is notified by mail.',
          tags: TAGS,
          params: passkeyParams,
          response: { 200: passkeySignalSchema },
        },
      },
      async (request) => {
        const left = await own.remove(callerOf(request), actorOf(request), request.params.id);
        return { signal: signalView(rpId, left) };
      },
    );
  };
}
