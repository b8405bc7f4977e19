import { Type } from 'typebox';
import { platformErrors } from '../../platform/errors.ts';
import { actorOf } from '../../platform/http/actor.ts';
import { callerOf, type SessionActor } from '../../platform/http/caller.ts';
import { bearerToken } from '../../platform/http/credential-kind.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { optionalBody } from '../../platform/http/schemas.ts';
import { isId } from '../../platform/ids.ts';
import type { RefreshCookie } from './cookie.ts';
import { sessionErrors } from './errors.ts';
import { BY_REFRESH_TOKEN, refreshBody, sessionListSchema, sessionView } from './schemas.ts';
import type { Sessions } from './sessions.ts';

const LOGOUT_LIMIT = { name: 'logout', points: 20, duration: 60 };
const SESSION_LOGOUT_LIMIT = { name: 'session-logout', points: 20, duration: 60 };
const TAGS = ['Sessions'];

export interface SessionRouteOptions {
  sessions: Sessions;
  cookie: RefreshCookie;
  /** Ends all sessions of a user except `keep`. */
  endAll: (caller: ReturnType<typeof callerOf>, userId: string, keep: SessionActor | null) => Promise<void>;
}

/** Routes to sign out, and to list and end one's sessions: `await app.register(sessionRoutes({ … }), { prefix: '/api/v1' })`. */
export function sessionRoutes({ sessions, cookie, endAll }: SessionRouteOptions) {
  return async (app: HttpServer): Promise<void> => {
    app.post(
      '/auth/logout',
      {
        config: {
          access: 'public',
          limit: LOGOUT_LIMIT,
          tokenLimit: {
            ...SESSION_LOGOUT_LIMIT,
            subjectOf: (request) =>
              sessions.namedBy({ accessToken: bearerToken(request), refreshToken: cookie.peek(request) }),
          },
          errors: ['unauthenticated', 'origin_refused'],
          answerHeaders: ['Set-Cookie'],
        },
        schema: {
          operationId: 'logout',
          security: [{ bearer: [] }, ...BY_REFRESH_TOKEN],
          summary: 'Sign out: end the session of a token',
          description: 'Takes an access token (even an expired one), the cookie, or a refresh token.',
          tags: TAGS,
          body: optionalBody(refreshBody),
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const fromBody = request.body?.refreshToken;
        const fromCookie = fromBody === undefined ? cookie.read(request) : null;
        const tokens = { accessToken: bearerToken(request), refreshToken: fromBody ?? fromCookie };
        const known = await sessions.signOut(callerOf(request), tokens);
        // Without a token, the cookie stays: a page of another site must not sign anybody out.
        if (known || fromCookie !== null) cookie.clear(reply);
        if (!known) throw platformErrors.unauthenticated();
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/auth/logout-all',
      {
        config: { access: 'signedIn', limit: LOGOUT_LIMIT, answerHeaders: ['Set-Cookie'] },
        schema: {
          operationId: 'logoutAll',
          summary: 'End all your sessions',
          description: 'Including this one.',
          tags: TAGS,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await endAll(callerOf(request), actorOf(request).userId, null);
        cookie.clear(reply);
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/sessions',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'listSessions',
          summary: 'List your sessions',
          description: 'Your open sessions, the latest first. The session of this request has `current: true`.',
          tags: TAGS,
          response: { 200: sessionListSchema },
        },
      },
      async (request) => {
        const { userId, sessionId } = actorOf(request);
        const items = await sessions.list(userId);
        return { items: items.map((session) => sessionView(session, sessionId)) };
      },
    );

    app.delete(
      '/sessions/:id',
      {
        config: { access: 'signedIn', errors: ['session_not_found'] },
        schema: {
          operationId: 'endSession',
          summary: 'End one of your sessions',
          description: 'Its tokens stop working immediately.',
          tags: TAGS,
          params: Type.Object({ id: Type.String({ maxLength: 100 }) }, { additionalProperties: false }),
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        if (!isId(id)) throw sessionErrors.session_not_found();
        await sessions.end(callerOf(request), actorOf(request).userId, id);
        return reply.code(204).send(null);
      },
    );

    app.delete(
      '/sessions',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'endOtherSessions',
          summary: 'End all your other sessions',
          description: 'Their tokens stop working immediately.',
          tags: TAGS,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const actor = actorOf(request);
        await endAll(callerOf(request), actor.userId, actor);
        return reply.code(204).send(null);
      },
    );
  };
}
