import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { actorOf } from '../../platform/http/actor.ts';
import { readForms } from '../../platform/http/bodies.ts';
import { callerOf } from '../../platform/http/caller.ts';
import { demandOne } from '../../platform/http/choices.ts';
import { clientAddress } from '../../platform/http/client-address.ts';
import { createAttemptLimit, type ForgivableLimit } from '../../platform/http/limits.ts';
import type { LoadShedder } from '../../platform/http/load-shedder.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import type { DeviceCookie } from '../guessing/device-cookie.ts';
import { ENCRYPTED_CODES } from '../password-encryption/errors.ts';
import type { PasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import { accessTokenSchema, signedInSchema } from '../sessions/schemas.ts';
import type { Reauthentication } from '../sign-in/reauthenticate.ts';
import { loginKey } from '../users/names.ts';
import { PASSWORD_CODES } from './errors.ts';
import { proofOf } from './mailed-proof.ts';
import type { PasswordSignIn } from './password-sign-in.ts';
import type { Passwords } from './passwords.ts';
import {
  acceptedSchema,
  changePasswordBody,
  deviceKnownSchema,
  loginBody,
  loginForm,
  proofHeader,
  reauthenticateBody,
  requestResetBody,
  resetBody,
  tokenForm,
  tokenSchema,
} from './schemas.ts';

const TAGS = ['Accounts'];
const SIGN_IN_CODES = ['invalid_credentials', 'step_required', 'proof_required', ...ENCRYPTED_CODES];
const REAUTH_CODES = ['invalid_credentials', 'reauth_required', 'step_required', 'refresh_invalid'];
type AgainBody = Record<string, unknown> & { password?: string };
const FORM = 'application/x-www-form-urlencoded';
const RESETS = { name: 'password-reset', points: 5, duration: 60 };

/** The routes for signing in with a password, and for proving, resetting and changing it. */
export function authRoutes(deps: {
  passwordSignIn: PasswordSignIn;
  passwords: Passwords;
  reauthentication: Pick<Reauthentication, 'fields' | 'errors'>;
  devices: DeviceCookie;
  decryptor: PasswordDecryptor;
  /** Limits proofs of a password within a session. */
  passwordTries: ForgivableLimit;
  /** Refuses sign-ins while hashing takes too long. */
  loadShedder: LoadShedder;
}) {
  const { passwordSignIn, passwords, reauthentication, devices, decryptor, loadShedder } = deps;
  // For proofs within a session, by user; `guessing` counts sign-ins.
  const limitPasswordTries = (request: FastifyRequest, key: string) =>
    deps.passwordTries.count(clientAddress(request), key);
  const resetLimit = createAttemptLimit(RESETS);

  /** Routes that take a form besides JSON: kept apart, because a page on any site can post one. */
  async function formRoutes(app: HttpServer): Promise<void> {
    readForms(app);

    app.post(
      '/auth/login',
      {
        config: { access: 'public', errors: SIGN_IN_CODES, answerHeaders: ['Set-Cookie'] },
        onRequest: loadShedder.onRequest,
        schema: {
          operationId: 'login',
          summary: 'Sign in',
          description:
            'Send exactly one of `login`, `email` and `username`. The answer to a form contains the refresh token and sets no cookie.',
          tags: TAGS,
          headers: proofHeader,
          body: { content: { 'application/json': { schema: loginBody }, [FORM]: { schema: loginForm } } },
          response: { 200: signedInSchema },
        },
      },
      async (request, reply) => {
        const isForm = request.mediaType === FORM;
        const body = request.body as Static<typeof loginBody>;
        const { deviceToken } = body;
        const tokenTransport = isForm ? 'body' : (body.tokenTransport ?? 'cookie');
        const login = demandOne(body, ['login', 'email', 'username']);
        const { password } = await decryptor.open(body, 'password');
        const deviceTokens = deviceToken ?? devices.read(request);
        const proof = body.proof ?? proofIn(request.headers);
        const input = { login, password, proof, deviceTokens };
        const signedIn = await loadShedder.run(() => passwordSignIn.login(callerOf(request), input));
        return devices.handOut(reply, signedIn, tokenTransport, deviceToken);
      },
    );

    app.post(
      '/auth/token',
      {
        config: {
          access: 'public',
          environments: ['development', 'test'],
          errors: SIGN_IN_CODES,
        },
        onRequest: loadShedder.onRequest,
        schema: {
          operationId: 'requestToken',
          summary: 'OAuth2 password form, for the Authorize button of the documentation',
          description: 'In development only. Starts a session like any sign-in, and returns no refresh token.',
          tags: TAGS,
          consumes: [FORM],
          headers: proofHeader,
          body: { content: { [FORM]: { schema: tokenForm } } },
          response: { 200: tokenSchema },
        },
      },
      async (request) => {
        const { username, password } = request.body as Static<typeof tokenForm>;
        const deviceTokens = devices.read(request);
        const input = { login: username, password, deviceTokens, proof: proofIn(request.headers) };
        const { accessToken, expiresIn } = await loadShedder.run(() => passwordSignIn.login(callerOf(request), input));
        return { access_token: accessToken, token_type: 'Bearer' as const, expires_in: expiresIn };
      },
    );
  }

  return async (app: HttpServer): Promise<void> => {
    await app.register(formRoutes);

    app.post(
      '/auth/reauthenticate',
      {
        config: {
          access: 'signedIn',
          errors: [...REAUTH_CODES, ...reauthentication.errors, ...ENCRYPTED_CODES],
        },
        schema: {
          operationId: 'reauthenticate',
          summary: 'Prove yourself again, for routes that need a fresh sign-in',
          description:
            'As strongly as the account can: with a second factor, by the password and `code` or `recoveryCode`; `accept` of `reauth_required` lists what would do. With the returned access token, no route answers `reauth_required` for ten minutes. The session continues, unless it needs a step first, as at a refresh.',
          tags: TAGS,
          body: reauthenticateBody(reauthentication.fields),
          response: { 200: accessTokenSchema },
        },
      },
      async (request) => {
        const actor = actorOf(request);
        await limitPasswordTries(request, actor.userId);
        const { password, ...input } = await decryptor.openOptional(request.body as AgainBody, 'password');
        const token = await passwordSignIn.reauthenticate(callerOf(request), actor, { password, input });
        return { ...token, tokenType: 'Bearer' as const };
      },
    );

    app.post(
      '/auth/request-password-reset',
      {
        config: { access: 'public', errors: ['email_invalid'] },
        schema: {
          operationId: 'requestPasswordReset',
          summary: 'Request a mail with a link that sets a new password',
          description:
            'The answer is the same for known and unknown addresses. The link is valid for 30 minutes. One address gets at most 5 mails an hour from one network.',
          tags: TAGS,
          body: requestResetBody,
          response: { 202: acceptedSchema },
        },
      },
      async (request, reply) => {
        const { email, deviceToken = devices.read(request) } = request.body;
        await resetLimit(request, loginKey(email));
        await passwords.requestReset(callerOf(request), email, deviceToken);
        return reply.code(202).send({ status: 'accepted' });
      },
    );

    app.post(
      '/auth/reset-password',
      {
        config: {
          access: 'public',
          errors: ['token_invalid', 'code_invalid', ...PASSWORD_CODES, ...ENCRYPTED_CODES],
          answerHeaders: ['Set-Cookie'],
        },
        schema: {
          operationId: 'resetPassword',
          summary: 'Set a new password with the token of the link, and end every session',
          description:
            'Send the `token` of the mailed link, which is after `#token=`, or the mailed `code` with `email`. Both are valid for 30 minutes and work once. The address is verified by this, and the owner of the account is notified by mail.',
          tags: TAGS,
          body: resetBody,
          response: { 200: deviceKnownSchema, 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const proof = proofOf(request.body);
        await resetLimit(request, 'token' in proof ? proof.token : loginKey(proof.email));
        const { newPassword } = await decryptor.open(request.body, 'newPassword');
        const user = await passwords.reset(callerOf(request), proof, newPassword);
        // The mail proved the owner: delays that strangers cause must not apply to this device.
        return devices.keep(reply, user, request.body.tokenTransport ?? 'cookie');
      },
    );

    app.post(
      '/auth/change-password',
      {
        config: {
          access: 'signedIn',
          errors: ['invalid_credentials', ...PASSWORD_CODES, ...ENCRYPTED_CODES],
          answerHeaders: ['Set-Cookie'],
        },
        schema: {
          operationId: 'changePassword',
          summary: 'Change your password, and end your other sessions',
          description: 'This session continues with its present tokens. The owner of the account is notified by mail.',
          tags: TAGS,
          body: changePasswordBody,
          response: { 200: deviceKnownSchema, 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const actor = actorOf(request);
        await limitPasswordTries(request, actor.userId);
        const { currentPassword, newPassword } = await decryptor.open(request.body, 'currentPassword', 'newPassword');
        const user = await passwords.change(callerOf(request), actor, currentPassword, newPassword);
        return devices.keep(reply, user, request.body.tokenTransport ?? 'cookie');
      },
    );
  };
}

function proofIn({ 'proof-of-work': text }: Static<typeof proofHeader>): Static<typeof loginBody>['proof'] {
  if (text === undefined) return undefined;
  const [challenge = '', solution = ''] = text.split(/\.(.*)/s);
  return { challenge, solution };
}
