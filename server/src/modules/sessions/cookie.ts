import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { Config } from '../../platform/config/config.ts';
import { demandSameOrigin, isCrossSite } from '../../platform/http/origin.ts';
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
}

const COOKIE_WARNING =
  'The page is on another site than this server, so that the browser drops the cookie with the refresh token: this session ends with its access token. ' +
  'Serve both from names of one domain (localhost and 127.0.0.1 are two sites), or sign in with tokenTransport "body".';

/** The refresh cookie; with the `__Host-` prefix (RFC 6265bis, 4.1.3.2) if `PUBLIC_URL` is HTTPS. */
export function createRefreshCookie(config: Config): RefreshCookie {
  const secure = config.publicUrl.startsWith('https:');
  const name = secure ? '__Host-ostiary' : 'ostiary';
  const attributes = { path: '/', httpOnly: true, secure, sameSite: 'strict' } as const;

  const warningFor = (request: FastifyRequest) => (isCrossSite(request, config) ? COOKIE_WARNING : undefined);

  return {
    handOut(reply, signedIn, transport) {
      const { refreshToken, session } = signedIn;
      // Scripts of the page cannot read it.
      if (transport === 'cookie' && refreshToken !== null)
        reply.setCookie(name, refreshToken, { ...attributes, expires: session.idleExpiresAt });
      const cookieWarning = transport === 'cookie' ? warningFor(reply.request) : undefined;
      return { ...signedInView(signedIn, transport), ...(cookieWarning !== undefined && { cookieWarning }) };
    },
    warningFor,
    clear: (reply) => void reply.clearCookie(name, attributes),
    read(request) {
      const value = request.cookies[name];
      if (!value) return null;
      demandSameOrigin(request, config);
      return value;
    },
  };
}
