import type { IncomingMessage } from 'node:http';
import type { onRequestHookHandler } from 'fastify';
import { platformErrors } from '../errors.ts';
import { isPiledUp } from './pipelining.ts';
import { isRoutable } from './request-target.ts';
import { addBlock, addHeaders, type HeaderFields, headerBlock } from './server-response.ts';

/** Maximum octets of a request target; RFC 9110, 4.1 recommends at least 8000. */
const URL_LIMIT = 8192;

const NO_COOKIES = Object.freeze({});

/**
 * First step of every request: sets the header fields of the answer, then refuses malformed requests. (Node itself would answer a
 * missing `Host` with an empty body.)
 */
export function createArrival(headers: HeaderFields): onRequestHookHandler {
  const block = headerBlock(headers);
  return (request, reply, done) => {
    addBlock(reply, block);
    addHeaders(reply, [['x-request-id', request.id]]);
    const { raw } = request;
    const { cookie } = raw.headers;
    // By default the plugin allocates containers also for requests without cookies, which are most.
    request.cookies = cookie === undefined ? NO_COOKIES : request.server.parseCookie(cookie);
    if (isPiledUp(raw)) return done(platformErrors.rate_limited({ headers: { 'retry-after': '1' } }));
    if ((raw.url ?? '').length > URL_LIMIT) return done(platformErrors.uri_too_long());
    // HTTP/0.9 has no header fields; its only remaining use is to confuse an intermediary.
    if (raw.headers.host === undefined && raw.httpVersion !== '1.0') return done(platformErrors.malformed_request());
    if (!isRoutable(raw)) return done(platformErrors.malformed_request());
    if (hasTwins(raw.rawHeaders)) return done(platformErrors.malformed_request());
    // A type that is none would be refused unread, although a chunked body may turn out to have no bytes; without it the first of them is.
    if (hasNoBytes(raw) || (isChunked(raw) && request.mediaType === undefined)) delete raw.headers['content-type'];
    done();
  };
}

/** Whether a request has no body (RFC 9112, 6.3); clients then often send a type all the same, which no parser should see. */
function hasNoBytes(request: IncomingMessage): boolean {
  if (isChunked(request)) return false;
  const length = request.headers['content-length'];
  return length === undefined || /^0+$/.test(length);
}

const isChunked = ({ headers }: IncomingMessage): boolean => headers['transfer-encoding'] !== undefined;

/**
 * Whether `Host`, `Content-Type` or `Authorization` is sent twice. Node keeps the first and others the last, so that a proxy
 * and this server would read different requests (RFC 9112, 3.2).
 */
function hasTwins(rawHeaders: string[]): boolean {
  let host = 0;
  let contentType = 0;
  let authorization = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    // Comparing lengths first avoids the conversion to lower case for nearly every field.
    if (name.length === 4 && name.toLowerCase() === 'host') host += 1;
    else if (name.length === 12 && name.toLowerCase() === 'content-type') contentType += 1;
    else if (name.length === 13 && name.toLowerCase() === 'authorization') authorization += 1;
  }
  return host > 1 || contentType > 1 || authorization > 1;
}
