import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { createMacTokens } from '../../platform/crypto/mac-token.ts';
import { cookieNames } from '../../platform/http/cookie-name.ts';
import type { TokenForm } from '../../platform/http/token-form.ts';

/** Proves that a request comes from where the sign-in began: it names the challenge, whose mail does not contain it. */
export interface EmailFlowTokens {
  make(challengeId: string): string;
  /** The challenge of a genuine token, or null. Costs a MAC and no query. */
  read(token: string): string | null;
}

const ID_BYTES = 16;
const LENGTH = 70;

export const EMAIL_FLOW_TOKEN_FORM: TokenForm = {
  name: 'flow token of a sign-in by mail',
  matches: (token) => token.length === LENGTH && /^[\w-]+$/.test(token),
  sample: 'A'.repeat(LENGTH),
};

export function createEmailFlowTokens({ keyring }: { keyring: Keyring }): EmailFlowTokens {
  const tokens = createMacTokens({ keyring, purpose: 'email-sign-in-flow', bodyBytes: ID_BYTES });
  return {
    make: (challengeId) => tokens.make(Buffer.from(challengeId.replaceAll('-', ''), 'hex')),
    read(token) {
      const hex = tokens.read(token)?.toString('hex');
      return hex === undefined ? null : hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    },
  };
}

/** The same token for pages of this server, such as that of the mailed link: out of reach of scripts, and never sent by other sites. */
export interface EmailFlowCookie {
  /** Seconds. */
  set(reply: FastifyReply, flowToken: string, expiresIn: number): void;
  read(request: FastifyRequest): string | null;
  clear(reply: FastifyReply): void;
}

export function createEmailFlowCookie({ publicUrl }: Pick<Config, 'publicUrl'>): EmailFlowCookie {
  const { name } = cookieNames(publicUrl, '-email');
  const secure = publicUrl.startsWith('https:');
  const attributes = { path: '/', httpOnly: true, secure, sameSite: 'strict' } as const;
  return {
    set(reply, flowToken, expiresIn) {
      reply.setCookie(name, flowToken, { ...attributes, maxAge: expiresIn });
    },
    read: (request) => request.cookies[name] || null,
    clear(reply) {
      if (reply.request.cookies[name] !== undefined) reply.clearCookie(name, attributes);
    },
  };
}
