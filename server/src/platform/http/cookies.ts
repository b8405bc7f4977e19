import type { FastifyRequest, HookHandlerDoneFunction } from 'fastify';

const NONE = Object.freeze({});

/** Reads cookies where there are any; `@fastify/cookie` would make containers for requests without, which are most. */
export function parseCookies(request: FastifyRequest, _reply: unknown, done: HookHandlerDoneFunction): void {
  const { cookie } = request.raw.headers;
  request.cookies = cookie === undefined ? NONE : request.server.parseCookie(cookie);
  done();
}
