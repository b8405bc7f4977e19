import { Socket } from 'node:net';
import helmet from 'helmet';
import type { Config } from '../config/config.ts';
import { IncomingMessage, ServerResponse } from './node-http.ts';
import type { HeaderFields } from './server-response.ts';

/** For answers that are data: nothing may be loaded, framed or submitted (OWASP REST security cheat sheet). */
const DATA_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Fields for documents only; data does not need them, and every field costs time in every answer. */
const FOR_PAGES = new Set([
  'cross-origin-opener-policy',
  'origin-agent-cluster',
  'x-dns-prefetch-control',
  'x-download-options',
  'x-permitted-cross-domain-policies',
  'x-xss-protection',
]);

/** No page of ours needs any of it, so that nothing which gets into one can use it (W3C Permissions Policy). */
const PERMISSIONS = ['camera', 'display-capture', 'geolocation', 'microphone', 'payment', 'usb'];

export interface SecurityHeaders {
  /** For every answer. */
  always: HeaderFields;
  /** Additional fields for pages, which have their own `Content-Security-Policy`. */
  pages: Record<string, string>;
}

/**
 * helmet's header fields, in lower case, computed once at start: running helmet for each request costs several times as much
 * as sending them. `Strict-Transport-Security` only if the public address is HTTPS.
 */
export function securityHeaders(config: Config): SecurityHeaders {
  const apply = helmet({
    contentSecurityPolicy: false,
    strictTransportSecurity: config.publicUrl.startsWith('https:'),
    xFrameOptions: { action: 'deny' },
  });
  const request = new IncomingMessage(new Socket());
  const answer = new ServerResponse(request);
  apply(request, answer, () => {});
  const fields = Object.entries(answer.getHeaders()).map(([name, value]): [string, string] => [name, String(value)]);
  const always: HeaderFields = [
    ...fields.filter(([name]) => !FOR_PAGES.has(name)),
    ['content-security-policy', DATA_POLICY],
    ['permissions-policy', PERMISSIONS.map((name) => `${name}=()`).join(', ')],
    ['cache-control', 'no-store'],
  ];
  const pages = Object.fromEntries(fields.filter(([name]) => FOR_PAGES.has(name)));
  return { always: config.http.corsOrigins.length === 0 ? always : [...always, ['vary', 'Origin']], pages };
}
