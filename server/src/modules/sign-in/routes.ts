import { callerOf } from '../../platform/http/caller.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { optionalBody } from '../../platform/http/schemas.ts';
import { PASSWORD_CODES } from '../auth/errors.ts';
import type { DeviceCookie } from '../guessing/device-cookie.ts';
import { ENCRYPTED_CODES } from '../password-encryption/errors.ts';
import type { PasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import type { RefreshCookie } from '../sessions/cookie.ts';
import { sessionErrors } from '../sessions/errors.ts';
import { BY_REFRESH_TOKEN, refreshBody, signedInSchema } from '../sessions/schemas.ts';
import type { SignInEngine } from './engine.ts';
import { completeStepBody, flowBody, flowOptionsBody, flowSchema, flowView } from './schemas.ts';

const TAGS = ['Accounts'];
const REFRESH_LIMIT = { name: 'refresh', points: 10, duration: 60 };

/** What follows a first factor, and what goes on with a session: `await app.register(signInRoutes({ … }), { prefix: '/api/v1' })`. */
export function signInRoutes(deps: {
  signIn: SignInEngine;
  cookie: RefreshCookie;
  devices: DeviceCookie;
  decryptor: PasswordDecryptor;
}) {
  const { signIn, cookie, devices, decryptor } = deps;

  return async (app: HttpServer): Promise<void> => {
    app.post(
      '/auth/refresh',
      {
        config: {
          access: 'public',
          limit: REFRESH_LIMIT,
          errors: ['refresh_invalid', 'origin_refused', 'step_required'],
          answerHeaders: ['Set-Cookie'],
        },
        schema: {
          operationId: 'refresh',
          security: BY_REFRESH_TOKEN,
          summary: 'A new access token for a refresh token, which is replaced',
          description:
            'Takes `refreshToken`, or else the cookie. A retry after a lost answer gets the same successor; an older token that comes back otherwise ends the session. After `step_required`, which may ask for a step here too, the refresh token is as it was.',
          tags: ['Sessions'],
          body: optionalBody(refreshBody),
          response: { 200: signedInSchema },
        },
      },
      async (request, reply) => {
        const fromBody = request.body?.refreshToken;
        const token = fromBody ?? cookie.read(request);
        if (!token) throw sessionErrors.refresh_invalid();
        const signedIn = await signIn.refresh(callerOf(request), token);
        return cookie.handOut(reply, signedIn, fromBody === undefined ? 'cookie' : 'body');
      },
    );

    app.post(
      '/auth/complete-step',
      {
        config: {
          access: 'public',
          errors: [
            'token_invalid',
            'code_invalid',
            'unauthenticated',
            'step_required',
            'email_taken',
            'password_unchanged',
            ...PASSWORD_CODES,
            ...ENCRYPTED_CODES,
          ],
          answerHeaders: ['Set-Cookie'],
        },
        schema: {
          operationId: 'completeStep',
          summary: 'Finish a sign-in that asked for a step',
          description:
            'Carries what the step needs: `code` for `verify_email`, `newPassword` for `change_password`. One step may be followed by another, with a `flowToken` of its own.',
          tags: TAGS,
          body: completeStepBody,
          response: { 200: signedInSchema },
        },
      },
      async (request, reply) => {
        const { tokenTransport = 'cookie', flowToken, ...input } = request.body;
        const opened = await decryptor.openOptional(input, 'newPassword');
        const signedIn = await signIn.completeStep(callerOf(request), flowToken, opened);
        // A session that goes on makes no device known: each one may try passwords at a pace of its own.
        if (signedIn.refreshToken === null) return cookie.handOut(reply, signedIn, tokenTransport);
        return devices.handOut(reply, signedIn, tokenTransport);
      },
    );

    app.post(
      '/auth/flow',
      {
        config: { access: 'public', errors: ['token_invalid'] },
        schema: {
          operationId: 'getFlow',
          summary: 'Which step a sign-in waits for, so that a page can be reloaded',
          description: 'What `step_required` said, as it is now. Changes nothing.',
          tags: TAGS,
          body: flowBody,
          response: { 200: flowSchema },
        },
      },
      async (request) => flowView(await signIn.flow(request.body.flowToken)),
    );

    app.post(
      '/auth/flow/options',
      {
        config: { access: 'public', errors: ['token_invalid'] },
        schema: {
          operationId: 'mailFlowCode',
          summary: 'Have the code of a step mailed again',
          description: 'At most once a minute and 5 times an hour for an account.',
          tags: TAGS,
          body: flowOptionsBody,
          response: { 202: flowSchema },
        },
      },
      async (request, reply) => {
        const view = await signIn.mail(callerOf(request), request.body.flowToken);
        return reply.code(202).send(flowView(view));
      },
    );
  };
}
