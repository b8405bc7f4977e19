import { isIPv4 } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { Config } from '../config/config.ts';
import { platformErrors } from '../errors.ts';
import type { Access } from './caller.ts';

/**
 * Whether a request comes from one of our pages (protection against cross-site request forgery): it has an allowed `Origin`
 * (RFC 6454, 7), or `Sec-Fetch-Site: same-origin`, which no script can set. Every relevant browser sends one of them with a POST.
 */
export function isSameOrigin({ headers }: FastifyRequest, config: Config): boolean {
  if (headers.origin !== undefined && isOurOrigin(headers.origin, config)) return true;
  return headers['sec-fetch-site'] === 'same-origin';
}

/** For routes that act on a cookie. Throws `origin_refused`. */
export function demandSameOrigin(request: FastifyRequest, config: Config): void {
  if (!isSameOrigin(request, config)) throw platformErrors.origin_refused();
}

/**
 * Throws `origin_refused` for what a page of another site can send without asking first: a form, or nothing at all. Its visitors would
 * otherwise be counted for it, and wait with their own sign-in. JSON and `Authorization` need a CORS preflight in a browser; programs
 * that send neither `Origin` nor `Sec-Fetch-Site` may send forms.
 */
export function refuseForeignForm(request: FastifyRequest, config: Config): void {
  const { authorization, origin, 'content-type': type = '', 'sec-fetch-site': site } = request.headers;
  if (authorization !== undefined || /^application\/json\s*(?:;|$)/i.test(type)) return;
  if (origin === undefined && site !== 'cross-site') return;
  demandSameOrigin(request, config);
}

/**
 * Whether a page of another site made a browser read this. Its visitors do not know of it, so it must not use up what their address may.
 * Programs can send the same field, and gain one more budget of that size.
 */
export const isForeignRead = (request: FastifyRequest, config: Config): boolean =>
  request.headers['sec-fetch-site'] === 'cross-site' && !isSameOrigin(request, config);

/**
 * Whether a page of another *site* sent this: browsers then keep no `SameSite` cookie of the answer, whatever CORS allows (RFC 6265bis,
 * 5.6). Without `Sec-Fetch-Site`, which old browsers and plain HTTP lack, only where the names of both leave no doubt.
 */
export function isCrossSite({ headers, host }: FastifyRequest, config: Config): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (site !== undefined) return site === 'cross-site';
  if (origin === undefined || !URL.canParse(origin)) return false;
  const { protocol, hostname } = new URL(origin);
  const ours = [config.publicUrl, `http://${host}`]
    .filter((url) => URL.canParse(url))
    .map((url) => new URL(url).hostname);
  return !/^https?:$/.test(protocol) || !ours.some((name) => mayBeOneSite(name, hostname));
}

/** Names that end alike may be of one site; which suffixes are public, as `co.uk` is, only a list could tell. */
function mayBeOneSite(a: string, b: string): boolean {
  if (a === b) return true;
  const isAddress = (name: string) => name.startsWith('[') || isIPv4(name);
  const ending = (name: string) => name.split('.').slice(-2).join('.');
  return !isAddress(a) && !isAddress(b) && a.includes('.') && ending(a) === ending(b);
}

/** Whether a route does something for a POST that any page can make: one without a credential of its own. */
export const takesForeignPosts = (access: Access, method: string): boolean =>
  method === 'POST' && (access === 'public' || access === 'optional');

/** Whether pages of this origin are ours, or were allowed by the configuration. */
export function isOurOrigin(origin: string, config: Config): boolean {
  return origin === new URL(config.publicUrl).origin || config.http.corsOrigins.includes(origin);
}
