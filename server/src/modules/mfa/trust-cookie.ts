import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../platform/config/config.ts';
import { cookieNames } from '../../platform/http/cookie-name.ts';
import { isSameOrigin } from '../../platform/http/origin.ts';

/** The cookie of browsers that their users trust; it stays at a sign-out. */
export interface TrustCookie {
  /** The tokens of the browser; empty if there are none, or if a page of another site may have sent the request. */
  read(request: FastifyRequest): string;
  set(reply: FastifyReply, tokens: string): void;
}

/** Longer than any genuine value. */
const LONGEST = 512;

export function createTrustCookie({ config }: { config: Config }): TrustCookie {
  const { name } = cookieNames(config.publicUrl, '-trust');
  const secure = config.publicUrl.startsWith('https:');
  const maxAge = config.mfa.trustTtl / 1000;
  const attributes = { path: '/', httpOnly: true, secure, sameSite: 'strict', maxAge } as const;
  return {
    read(request) {
      if (request.mediaType !== 'application/json' && !isSameOrigin(request, config)) return '';
      const value = request.cookies[name] ?? '';
      return value.length > LONGEST ? '' : value;
    },
    set: (reply, tokens) => void reply.setCookie(name, tokens, attributes),
  };
}
