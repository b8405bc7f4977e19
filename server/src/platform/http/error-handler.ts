import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { AppError } from '../errors.ts';
import { pagePolicy } from './page.ts';
import { isVisit, problemPage } from './problem-page.ts';
import { toAppError, toProblem } from './problems.ts';

/**
 * Answers errors of hooks, parsers and handlers. An unexpected error is logged with its stack and not revealed; an
 * `AppError` of 503 is logged as a warning with its cause.
 */
export function createErrorHandler(
  log: Logger,
): (error: unknown, request: FastifyRequest, reply: FastifyReply) => void {
  return (error, request, reply) => {
    const coded = toAppError(error);
    const line = { requestId: request.id, route: request.routeOptions.url, problem: coded.code };
    if (coded.code === 'internal_error') log.error({ ...line, err: coded.cause ?? coded }, 'request failed');
    else if (coded.status >= 500) log.warn({ ...line, err: coded.cause }, 'request refused');
    sendProblem(coded, request, reply);
  };
}

/** Sends a coded error, as a page to a browser that visits one. An unread body stays readable: if it were cut off, many clients would never see the answer. */
export function sendProblem(error: AppError, request: FastifyRequest, reply: FastifyReply): void {
  const { status, headers, body } = toProblem(error, {
    requestId: request.id,
    publicPath: request.server.publicPath,
    body: request.body,
  });
  // Fastify sets `Connection: close` if a body could not be parsed. Node reads and drops the rest, within `requestTimeout`.
  if (reply.hasHeader('connection') && request.headers.connection !== 'close') reply.header('connection', 'keep-alive');
  if (status === 401) reply.header('www-authenticate', challenge(error, request));
  reply.code(status).headers(headers);
  if (!isVisit(request)) return void reply.send(body);
  const { publicPath } = request.server;
  const page = problemPage(error, { requestId: request.id, publicPath, retryAfter: headers['retry-after'] });
  reply.type('text/html; charset=utf-8').header('content-security-policy', pagePolicy()).send(page);
}

/** RFC 6750, 3, and RFC 9470, 3. Without credentials, the field names no error. */
function challenge({ code }: AppError, request: FastifyRequest): string {
  if (code === 'reauth_required') return 'Bearer error="insufficient_user_authentication", max_age="600"';
  if (code === 'unauthenticated' && request.headers.authorization !== undefined) return 'Bearer error="invalid_token"';
  return 'Bearer';
}
