import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { platformErrors } from '../errors.ts';
import { namesMemberTwice } from './json-members.ts';
import type { HttpServer } from './routes.ts';

/**
 * Reads `application/json` only; anything else is 415. Refuses `__proto__` and `constructor.prototype` keys (prototype
 * poisoning), duplicate names in one object, and invalid UTF-8 (RFC 8259, 8.1): with lenient decoding, different passwords
 * would be equal.
 */
export function readJson(app: FastifyInstance | HttpServer): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (!isUtf8(body)) return done(platformErrors.malformed_body());
    const text = body.toString('utf8');
    if (hasLoneSurrogate(text)) return done(platformErrors.malformed_body());
    // The parser ends by its callback and returns nothing; its type also allows promises.
    void parse(request, text, (error, value) => {
      if (!error && namesMemberTwice(text, value)) return done(platformErrors.malformed_body());
      done(error, value);
    });
  });
}

const ESCAPE = /\\(?:u([0-9a-f]{4})|.)/gis;
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
  for (const { index, 0: written, 1: unit = '' } of text.matchAll(ESCAPE)) {
    const follows = high >= 0;
    if (follows !== LOW.test(unit) || (follows && index !== high)) return true;
    high = HIGH.test(unit) ? index + written.length : -1;
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
