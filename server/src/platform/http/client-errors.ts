import type { Socket } from 'node:net';
import type { FastifyServerOptions } from 'fastify';
import type { Logger } from 'pino';
import { type ErrorFactory, platformErrors } from '../errors.ts';
import { STATUS_CODES } from './node-http.ts';
import { toProblem } from './problems.ts';
import { requestId } from './request-id.ts';
import type { HeaderFields } from './server-response.ts';
import { mayTakeLong } from './slow-bodies.ts';

/** Milliseconds that a client may still send before its socket is destroyed, so that it can read the answer first. */
const LINGER = 500;

const BY_CODE: Record<string, ErrorFactory> = {
  ERR_HTTP_REQUEST_TIMEOUT: platformErrors.request_timeout,
  HPE_HEADER_OVERFLOW: platformErrors.headers_too_large,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: platformErrors.body_too_large,
};

/**
 * Answers input that is not a valid request (not HTTP, endless header fields, slow clients) with the same
 * problem documents as other errors, and closes the connection.
 */
export function createClientErrorHandler(
  log: Logger,
  headers: HeaderFields,
  publicPath: string,
): NonNullable<FastifyServerOptions['clientErrorHandler']> {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return;
    // Node tells it once for each request; from then on the reader of the body sees to it.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && mayTakeLong(socket)) return;
    if (!socket.writable || answerBegun(socket)) {
      socket.destroy();
      return;
    }
    const id = requestId({ headers: {} });
    const coded = (BY_CODE[error.code] ?? platformErrors.malformed_request)();
    const problem = toProblem(coded, { requestId: id, publicPath });
    log.info(
      { requestId: id, status: problem.status, problem: coded.code, ip: socket.remoteAddress },
      'malformed request',
    );
    socket.end(
      raw(problem.status, { ...Object.fromEntries(headers), 'x-request-id': id, ...problem.headers }, problem.body),
    );
    setTimeout(() => socket.destroy(), LINGER).unref();
  };
}

/** Writing into an answer in progress would mix two answers. Node marks such an answer on the socket. */
function answerBegun(socket: Socket): boolean {
  const { _httpMessage: answer } = socket as Socket & { _httpMessage?: { headersSent: boolean } | null };
  return answer?.headersSent === true;
}

function raw(status: number, headers: Record<string, string>, body: Buffer): Buffer {
  const fields = { ...headers, 'content-length': String(body.length), connection: 'close' };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`), body]);
}
