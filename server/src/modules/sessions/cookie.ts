import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { Config } from '../../platform/config/config.ts';
import { demandSameOrigin, isSameOrigin } from '../../platform/http/origin.ts';
import { type signedInSchema, signedInView, type TokenTransport } from './schemas.ts';
import type { SignedIn } from './sessions.ts';

export interface RefreshCookie {
  /** The answer to a sign-in. Sets the cookie, or puts the refresh token into the body, as the client asked. */
  handOut(reply: FastifyReply, signedIn: SignedIn, transport: TokenTransport): Static<typeof signedInSchema>;
  clear(reply: FastifyReply): void;
  /** The refresh token in the request's cookie, or null. Throws `origin_refused` if a page of another site sent the request. */
  read(request: FastifyRequest): string | null;
  /** The refresh token in the body, or else in a cookie that our page sent, before the body is validated. Throws nothing. */
  peek(request: FastifyRequest): string | null;
}

/** The refresh cookie; with the `__Host-` prefix (RFC 6265bis, 4.1.3.2) if `PUBLIC_URL` is HTTPS. */
export function createRefreshCookie(config: Config): RefreshCookie {
  const secure = config.publicUrl.startsWith('https:');
  const name = secure ? '__Host-ostiary' : 'ostiary';
  const attributes = { path: '/', httpOnly: true, secure, sameSite: 'strict' } as const;

  return {
    handOut(reply, signedIn, transport) {
      const { refreshToken, session } = signedIn;
      // Scripts of the page cannot read it.
      if (transport === 'cookie' && refreshToken !== null)
        reply.setCookie(name, refreshToken, { ...attributes, expires: session.idleExpiresAt });
      return signedInView(signedIn, transport);
    },
    clear: (reply) => void reply.clearCookie(name, attributes),
    peek(request) {
      const { refreshToken } = (request.body ?? {}) as { refreshToken?: unknown };
      if (typeof refreshToken === 'string') return refreshToken;
      return isSameOrigin(request, config) ? (request.cookies[name] ?? null) : null;
    },
    read(request) {
      const value = request.cookies[name];
      if (!value) return null;
      demandSameOrigin(request, config);
      return value;
    },
  };
}
