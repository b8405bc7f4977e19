import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { Config } from '../../platform/config/config.ts';
import { cookieNames } from '../../platform/http/cookie-name.ts';
import { demandSameOrigin, isCrossSite, isSameOrigin } from '../../platform/http/origin.ts';
import { type signedInSchema, signedInView, type TokenTransport } from './schemas.ts';
import type { SignedIn } from './sessions.ts';

export interface RefreshCookie {
  /** The answer to a sign-in. Sets the cookie, or puts the refresh token into the body, as the client asked. */
  handOut(reply: FastifyReply, signedIn: SignedIn, transport: TokenTransport): Static<typeof signedInSchema>;
  clear(reply: FastifyReply): void;
  /** What to tell a page whose browser keeps no cookie of ours, because it is on another site; undefined for any other. */
  warningFor(request: FastifyRequest): string | undefined;
  /** The refresh token in the request's cookie, or null. Throws `origin_refused` if a page of another site sent the request. */
  read(request: FastifyRequest): string | null;
  /** The refresh token in the body, or else in a cookie that our page sent, before the body is validated. Throws nothing. */
  peek(request: FastifyRequest): string | null;
}

const COOKIE_WARNING =
  'The page is on another site than this server, so that the browser drops the cookie with the refresh token: this session ends with its access token. ' +
  'Serve both from names of one domain (localhost and 127.0.0.1 are two sites), or sign in with tokenTransport "body".';

/** The refresh cookie; with the `__Host-` prefix (RFC 6265bis, 4.1.3.2) if `PUBLIC_URL` is HTTPS. `isGenuine`: whether this server made a token. */
export function createRefreshCookie(config: Config, isGenuine: (token: string) => boolean): RefreshCookie {
  const { name, former } = cookieNames(config.publicUrl, '');
  const secure = config.publicUrl.startsWith('https:');
  const attributes = { path: '/', httpOnly: true, secure, sameSite: 'strict' } as const;

  /** By its former name, only a token of this server: the cookie may be that of another one on this host. */
  function formerIn({ cookies }: FastifyRequest): string | null {
    const value = former === null ? undefined : cookies[former];
    return value !== undefined && isGenuine(value) ? value : null;
  }

  function clearFormer(reply: FastifyReply): void {
    if (former !== null && formerIn(reply.request) !== null) reply.clearCookie(former, attributes);
  }

  const valueIn = (request: FastifyRequest) => request.cookies[name] || formerIn(request);
  const warningFor = (request: FastifyRequest) => (isCrossSite(request, config) ? COOKIE_WARNING : undefined);

  return {
    handOut(reply, signedIn, transport) {
      const { refreshToken, session } = signedIn;
      // Scripts of the page cannot read it.
      if (transport === 'cookie' && refreshToken !== null) {
        reply.setCookie(name, refreshToken, { ...attributes, expires: session.idleExpiresAt });
        clearFormer(reply);
      }
      const cookieWarning = transport === 'cookie' ? warningFor(reply.request) : undefined;
      const view = signedInView(signedIn, transport, config.publicUrl);
      return { ...view, ...(cookieWarning !== undefined && { cookieWarning }) };
    },
    warningFor,
    clear(reply) {
      reply.clearCookie(name, attributes);
      clearFormer(reply);
    },
    peek(request) {
      const { refreshToken } = (request.body ?? {}) as { refreshToken?: unknown };
      if (typeof refreshToken === 'string') return refreshToken;
      return isSameOrigin(request, config) ? valueIn(request) : null;
    },
    read(request) {
      const value = valueIn(request);
      if (!value) return null;
      demandSameOrigin(request, config);
      return value;
    },
  };
}
