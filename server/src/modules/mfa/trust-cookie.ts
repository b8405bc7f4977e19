import type { FastifyReply } from 'fastify';
import type { Config } from '../../platform/config/config.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { cookieNames } from '../../platform/http/cookie-name.ts';

/** The cookie of browsers that their users trust; it stays at a sign-out. */
export interface TrustCookie {
  /** The tokens of the browser; empty if there are none. Pages of other sites send none (`SameSite=Strict`). */
  read(caller: Caller): string;
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
    read({ cookies }) {
      const value = cookies?.[name] ?? '';
      return value.length > LONGEST ? '' : value;
    },
    set: (reply, tokens) => void reply.setCookie(name, tokens, attributes),
  };
}
