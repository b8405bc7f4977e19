import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { actorOf } from '../../platform/http/actor.ts';
import { readForms } from '../../platform/http/bodies.ts';
import { callerOf } from '../../platform/http/caller.ts';
import { clientAddress } from '../../platform/http/client-address.ts';
import { createAttemptLimit, type ForgivableLimit } from '../../platform/http/limits.ts';
import type { LoadShedder } from '../../platform/http/load-shedder.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { demandOne } from '../../platform/http/schemas.ts';
import type { DeviceCookie } from '../guessing/device-cookie.ts';
import { ENCRYPTED_CODES } from '../password-encryption/errors.ts';
import type { PasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import { accessTokenSchema, signedInSchema } from '../sessions/schemas.ts';
import { loginKey } from '../users/names.ts';
import { PASSWORD_CODES } from './errors.ts';
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
const FORM = 'application/x-www-form-urlencoded';
const RESETS = { name: 'password-reset', points: 5, duration: 60 };

/** Signing in, and what becomes of passwords. */
export function authRoutes(deps: {
  passwordSignIn: PasswordSignIn;
  passwords: Passwords;
  devices: DeviceCookie;
  decryptor: PasswordDecryptor;
  /** On proofs of a password. */
  passwordTries: ForgivableLimit;
  /** Turns away whom hashing has no room for. */
  loadShedder: LoadShedder;
}) {
  const { passwordSignIn, passwords, devices, decryptor, loadShedder } = deps;
  // Within a session by its user. What is counted of sign-ins, `guessing` counts.
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
            'By e-mail address or username: exactly one of `login`, `email` and `username`. A form is answered with the refresh token in the body and sets no cookie.',
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
          description: 'In development only. Starts a session as any sign-in does, and hands out no refresh token.',
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
          errors: ['invalid_credentials', 'step_required', 'refresh_invalid', ...ENCRYPTED_CODES],
        },
        schema: {
          operationId: 'reauthenticate',
          summary: 'Prove the password again, for what needs a fresh sign-in',
          description:
            'With the access token that this hands out, nothing answers `reauth_required` for ten minutes. The session goes on, unless it needs a step first, as at a refresh.',
          tags: TAGS,
          body: reauthenticateBody,
          response: { 200: accessTokenSchema },
        },
      },
      async (request) => {
        const actor = actorOf(request);
        await limitPasswordTries(request, actor.userId);
        const { password } = await decryptor.open(request.body, 'password');
        const token = await passwordSignIn.reauthenticate(callerOf(request), actor, password);
        return { ...token, tokenType: 'Bearer' as const };
      },
    );

    app.post(
      '/auth/request-password-reset',
      {
        config: { access: 'public', errors: ['email_invalid'] },
        schema: {
          operationId: 'requestPasswordReset',
          summary: 'Have a link mailed that sets a new password',
          description: 'Answers alike for known and unknown addresses. The link is good for 30 minutes.',
          tags: TAGS,
          body: requestResetBody,
          response: { 202: acceptedSchema },
        },
      },
      async (request, reply) => {
        await resetLimit(request, loginKey(request.body.email));
        await passwords.requestReset(callerOf(request), request.body.email);
        return reply.code(202).send({ status: 'accepted' });
      },
    );

    app.post(
      '/auth/reset-password',
      {
        config: {
          access: 'public',
          errors: ['token_invalid', ...PASSWORD_CODES, ...ENCRYPTED_CODES],
          answerHeaders: ['Set-Cookie'],
        },
        schema: {
          operationId: 'resetPassword',
          summary: 'Set a new password with the token of the link; every session ends',
          description:
            'The link carries its token behind `#token=`, and serves once, for 30 minutes. The owner of the account is told by mail.',
          tags: TAGS,
          body: resetBody,
          response: { 200: deviceKnownSchema, 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const { token } = request.body;
        await resetLimit(request, token);
        const { newPassword } = await decryptor.open(request.body, 'newPassword');
        const user = await passwords.reset(callerOf(request), token, newPassword);
        // Whoever reads the owner's mail is let in beside any stranger who guesses.
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
          summary: 'Change your password; your other sessions end',
          description: 'This session goes on, with the tokens that it has. The owner of the account is told by mail.',
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
