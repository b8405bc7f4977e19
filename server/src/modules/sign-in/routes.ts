import type { FastifyRequest } from 'fastify';
import { callerOf } from '../../platform/http/caller.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { optionalBody } from '../../platform/http/schemas.ts';
import type { DeviceCookie } from '../guessing/device-cookie.ts';
import type { DeviceOwner } from '../guessing/device-tokens.ts';
import type { TrustCookie } from '../mfa/trust-cookie.ts';
import { ENCRYPTED_CODES } from '../password-encryption/errors.ts';
import type { PasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import type { RefreshCookie } from '../sessions/cookie.ts';
import { sessionErrors } from '../sessions/errors.ts';
import { BY_REFRESH_TOKEN, refreshBody, signedInSchema } from '../sessions/schemas.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { SignInEngine } from './engine.ts';
import {
  type CompleteStepBody,
  completeStepBody,
  discoverBody,
  discoverSchema,
  flowBody,
  flowOptionsAnswers,
  flowOptionsBody,
  flowSchema,
  flowView,
} from './schemas.ts';
import type { Step } from './step.ts';

const TAGS = ['Accounts'];
/** For whoever sends no genuine token: visitors whose page asks at each load, many of whom may have one address. */
const REFRESH_LIMIT = { name: 'refresh', points: 600, duration: 60 };
const SESSION_REFRESH_LIMIT = { name: 'session-refresh', points: 30, duration: 60 };
/** A person in a step asks for it, corrects codes and loads the page again. */
const FLOW_LIMIT = { name: 'flow', points: 30, duration: 60 };

const noCookie = (detail: string | undefined) => (detail === undefined ? {} : { detail });

/** Routes that complete a sign-in or continue a session: `await app.register(signInRoutes({ … }), { prefix: '/api/v1' })`. */
export function signInRoutes(deps: {
  signIn: SignInEngine;
  steps: readonly Step[];
  /** How somebody can begin a sign-in here, the usual one first. */
  waysIn: readonly string[];
  sessions: Pick<Sessions, 'namedBy'>;
  cookie: RefreshCookie;
  devices: DeviceCookie;
  trustCookie: TrustCookie;
  decryptor: PasswordDecryptor;
}) {
  const { signIn, steps, waysIn, sessions, cookie, devices, trustCookie, decryptor } = deps;
  // A flow token shows that its bearer has given a first factor.
  const flowLimit = { ...FLOW_LIMIT, subjectOf: flowUserOf };

  function flowUserOf({ body }: FastifyRequest): string | null {
    const { flowToken } = (body ?? {}) as { flowToken?: unknown };
    return typeof flowToken === 'string' ? signIn.userOf(flowToken) : null;
  }

  const errors = steps.flatMap((step) => step.errors);
  const passwords = [...new Set(steps.flatMap((step) => step.passwords ?? []))];

  return async (app: HttpServer): Promise<void> => {
    app.post(
      '/auth/refresh',
      {
        config: {
          access: 'public',
          limit: REFRESH_LIMIT,
          tokenLimit: {
            ...SESSION_REFRESH_LIMIT,
            subjectOf: (request) => sessions.namedBy({ accessToken: null, refreshToken: cookie.peek(request) }),
          },
          errors: ['refresh_invalid', 'origin_refused', 'step_required'],
          answerHeaders: ['Set-Cookie'],
        },
        schema: {
          operationId: 'refresh',
          security: BY_REFRESH_TOKEN,
          summary: 'Exchange a refresh token for new tokens',
          description:
            'Takes `refreshToken`, or else the cookie, and replaces it. A retry after a lost answer gets the same new token, for as long as nothing was done with it; any other use of an old token ends the session. After `step_required`, the refresh token is unchanged.',
          tags: ['Sessions'],
          body: optionalBody(refreshBody),
          response: { 200: signedInSchema },
        },
      },
      async (request, reply) => {
        const fromBody = request.body?.refreshToken;
        const text = fromBody ?? cookie.read(request);
        if (!text) throw sessionErrors.refresh_invalid(noCookie(cookie.warningFor(request)));
        const transport = fromBody === undefined ? 'cookie' : 'body';
        const isKnownTo = (user: DeviceOwner) => devices.isKnown(request, user);
        const signedIn = await signIn.refresh(callerOf(request), { text, transport, isKnownTo });
        return cookie.handOut(reply, signedIn, transport);
      },
    );

    app.post(
      '/auth/discover',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'discoverSignIn',
          summary: 'Get the ways to sign in, for a page that asks for the address first',
          description:
            'Follows from the domain of the address and the configuration, never from the account: the answer is the same whether or not there is one.',
          tags: TAGS,
          body: discoverBody,
          response: { 200: discoverSchema },
        },
      },
      async () => ({ methods: [...waysIn], providers: [] }),
    );

    app.post(
      '/auth/complete-step',
      {
        config: {
          access: 'public',
          tokenLimit: flowLimit,
          errors: [...new Set(['token_invalid', 'unauthenticated', 'step_required', ...errors, ...ENCRYPTED_CODES])],
          answerHeaders: ['Set-Cookie'],
        },
        schema: {
          operationId: 'completeStep',
          summary: 'Complete a step of a sign-in',
          description:
            'Carries what the step needs, see `SignInStep`. One step may be followed by another, with a `flowToken` of its own.',
          tags: TAGS,
          body: completeStepBody(steps),
          response: { 200: signedInSchema },
        },
      },
      async (request, reply) => {
        const { tokenTransport = 'cookie', flowToken, ...input } = request.body as CompleteStepBody;
        const opened = await decryptor.openOptional(input, ...passwords);
        const { trustTokens, ...signedIn } = await signIn.completeStep(callerOf(request), flowToken, opened);
        if (trustTokens !== undefined) trustCookie.set(reply, trustTokens);
        // An elevation issues no device token: each known device gets password attempts of its own.
        if (signedIn.refreshToken === null) return cookie.handOut(reply, signedIn, tokenTransport);
        return devices.handOut(reply, signedIn, tokenTransport);
      },
    );

    app.post(
      '/auth/flow',
      {
        config: { access: 'public', tokenLimit: flowLimit, errors: ['token_invalid'] },
        schema: {
          operationId: 'getFlow',
          summary: 'Get the step that a sign-in waits for',
          description: 'For a page that was reloaded: the members of `step_required`, up to date. Changes nothing.',
          tags: TAGS,
          body: flowBody,
          response: { 200: flowSchema },
        },
      },
      async (request) => flowView(await signIn.flow(callerOf(request), request.body.flowToken)),
    );

    app.post(
      '/auth/flow/options',
      {
        config: { access: 'public', tokenLimit: flowLimit, errors: ['token_invalid'] },
        schema: {
          operationId: 'mailFlowCode',
          summary: 'Ask for what a step needs: a mailed code again, or a secret for an authenticator app',
          description: 'Mails at most once a minute and 5 times an hour per account.',
          tags: TAGS,
          body: flowOptionsBody(steps),
          response: flowOptionsAnswers(steps),
        },
      },
      async (request, reply) => {
        const { flowToken, method } = request.body;
        const { view, answer } = await signIn.prepare(callerOf(request), flowToken, method);
        return answer === null ? reply.code(202).send(flowView(view)) : reply.code(200).send(answer);
      },
    );
  };
}
