import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { platformErrors } from '../errors.ts';
import { namesMemberTwice } from './json-members.ts';
import type { HttpServer } from './routes.ts';

/**
 * Reads `application/json` only; anything else is 415. Refuses `__proto__` and `constructor.prototype` keys (prototype
 * poisoning), names that come twice in one object, and bytes that are no UTF-8 (RFC 8259, 8.1): decoded leniently, different passwords
 * would become one.
 */
export function readJson(app: FastifyInstance | HttpServer): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (!isUtf8(body)) return done(platformErrors.malformed_body());
    const text = body.toString('utf8');
    if (hasLoneSurrogate(text)) return done(platformErrors.malformed_body());
    // The parser finishes through its callback and returns nothing; its type allows for promises too.
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
 * Whether JSON escapes half of a surrogate pair: no character (RFC 7493, 2.1), and written as UTF-8 each such half is the same U+FFFD.
 * Valid UTF-8 holds none itself.
 */
function hasLoneSurrogate(text: string): boolean {
  if (!/\\ud/i.test(text)) return false;
  // Where the other half must stand.
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
 * so that no other route takes forms: a page on another site can post one without asking (no CORS preflight).
 * A field that comes twice is refused (RFC 6749, 3.2).
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

/** Whether what is percent-encoded is UTF-8, too: decoded leniently, different passwords would become one. */
function isEncodedUtf8(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
