import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../platform/config/config.ts';
import { cookieNames } from '../../platform/http/cookie-name.ts';
import { isSameOrigin } from '../../platform/http/origin.ts';
import type { RefreshCookie } from '../sessions/cookie.ts';
import type { TokenTransport } from '../sessions/schemas.ts';
import { DEVICE_TTL, type DeviceOwner, type DeviceTokens } from './device-tokens.ts';

export interface DeviceCookie {
  /** The tokens of the browser; empty if there are none, or if a page of another site may have sent the request. */
  read(request: FastifyRequest): string;
  /** Whether the browser's tokens prove that this user has signed in on it. */
  isKnown(request: FastifyRequest, user: DeviceOwner): boolean;
  /** Makes the device of a proved user known: answers 204 with a cookie, or 200 with the token in the body. */
  keep(reply: FastifyReply, user: DeviceOwner, transport: TokenTransport): { deviceToken: string } | null;
  /** Answers a sign-in together with the device token, by the same transport; `held`: the tokens of the body. */
  handOut(...args: [...Parameters<RefreshCookie['handOut']>, held?: string]): ReturnType<RefreshCookie['handOut']>;
}

/** Longer than any genuine value; `DEVICE_TTL` bounds the tokens in it. */
const LONGEST = 512;

/** The cookie of known devices, beside that of the session; it stays at a sign-out. */
export function createDeviceCookie(deps: {
  devices: DeviceTokens;
  cookie: RefreshCookie;
  config: Config;
}): DeviceCookie {
  const { devices, cookie, config } = deps;
  const secure = config.publicUrl.startsWith('https:');
  const { name, former } = cookieNames(config.publicUrl, '-device');
  const attributes = { path: '/', httpOnly: true, secure, sameSite: 'strict', maxAge: DEVICE_TTL / 1000 } as const;

  function read(request: FastifyRequest): string {
    // A page of a neighbouring site could use up the attempts of the device. It cannot send JSON without permission (CORS).
    if (request.mediaType !== 'application/json' && !isSameOrigin(request, config)) return '';
    // Tokens of another server on this host, which may own the former name, prove nothing here.
    return (request.cookies[name] ?? (former === null ? undefined : request.cookies[former]) ?? '').slice(0, LONGEST);
  }

  function set(reply: FastifyReply, user: DeviceOwner): void {
    reply.setCookie(name, devices.add(read(reply.request), user), attributes);
  }

  return {
    read,
    isKnown: (request, user) => devices.read(read(request), user) !== null,
    keep(reply, user, transport) {
      if (transport === 'body') return { deviceToken: devices.add('', user) };
      set(reply, user);
      reply.code(204);
      return null;
    },
    handOut(reply, signedIn, transport, held = '') {
      const answer = cookie.handOut(reply, signedIn, transport);
      if (transport === 'body') return { ...answer, deviceToken: devices.add(held, signedIn.user) };
      set(reply, signedIn.user);
      return answer;
    },
  };
}
