import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { platformErrors } from '../errors.ts';
import { DEEPEST, isTooDeep, namesMemberTwice } from './json-members.ts';
import type { HttpServer } from './routes.ts';

const TOO_DEEP = `Arrays and objects may be nested at most ${DEEPEST} levels deep.`;

/**
 * Reads `application/json` only; anything else is 415. No bytes are no body, whatever their type. Refuses `__proto__` and `constructor.prototype` keys (prototype
 * poisoning), duplicate names in one object, deep nesting, and invalid UTF-8 (RFC 8259, 8.1): with lenient decoding, different passwords
 * would be equal.
 */
export function readJson(app: FastifyInstance | HttpServer): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', refuseBytes);
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (body.length === 0) return done(null, undefined);
    if (!isUtf8(body)) return done(platformErrors.malformed_body());
    const text = body.toString('utf8');
    if (isTooDeep(text)) return done(platformErrors.malformed_body({ detail: TOO_DEEP }));
    if (hasLoneSurrogate(text)) return done(platformErrors.malformed_body());
    // The parser ends by its callback and returns nothing; its type also allows promises.
    void parse(request, text, (error, value) => {
      if (!error && namesMemberTwice(text, value)) return done(platformErrors.malformed_body());
      done(error, value);
    });
  });
}

/** Any other type is refused with its first byte: only the end of a chunked body tells that it is none (RFC 9112, 7.1). */
function refuseBytes(
  _request: FastifyRequest,
  payload: IncomingMessage,
  done: (error: Error | null, body?: undefined) => void,
): void {
  payload.once('data', () => done(platformErrors.unsupported_media_type()));
  payload.once('end', () => done(null, undefined));
  payload.once('error', done);
}

const HIGH = /^d[89ab]/i;
const LOW = /^d[c-f]/i;

/**
 * Whether JSON escapes half of a surrogate pair: not a character (RFC 7493, 2.1), and in UTF-8 each such half becomes the same U+FFFD.
 * Valid UTF-8 itself contains none.
 */
function hasLoneSurrogate(text: string): boolean {
  if (!/\\ud/i.test(text)) return false;
  // The required place of the other half.
  let high = -1;
  for (let at = text.indexOf('\\'); at >= 0; ) {
    const isUnit = text[at + 1]?.toLowerCase() === 'u';
    const unit = isUnit ? text.slice(at + 2, at + 6) : '';
    const follows = high >= 0;
    if (follows !== LOW.test(unit) || (follows && at !== high)) return true;
    const next = at + (isUnit ? 6 : 2);
    high = HIGH.test(unit) ? next : -1;
    at = text.indexOf('\\', next);
  }
  return high >= 0;
}

/**
 * Lets the routes of this scope read `application/x-www-form-urlencoded` as an object of strings. Call it inside a plugin,
 * so that no other route accepts forms: a page on another site can post one without a CORS preflight.
 * A duplicate field is refused (RFC 6749, 3.2).
 */
export function readForms(scope: HttpServer): void {
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    (_request, body: Buffer, done) => {
      if (body.length === 0) return done(null, undefined);
      const text = body.toString('utf8');
      if (!isUtf8(body) || !isEncodedUtf8(text)) return done(platformErrors.malformed_body());
      const fields = new Map<string, string>();
      for (const [name, value] of new URLSearchParams(text)) {
        if (fields.has(name) || name === '__proto__') return done(platformErrors.malformed_body());
        fields.set(name, value);
      }
      done(null, Object.fromEntries(fields));
    },
  );
}

/** Whether percent-encoded bytes are valid UTF-8: with lenient decoding, different passwords would be equal. */
function isEncodedUtf8(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
