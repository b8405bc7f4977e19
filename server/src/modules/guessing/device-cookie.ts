import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../platform/config/config.ts';
import { isSameOrigin } from '../../platform/http/origin.ts';
import type { RefreshCookie } from '../sessions/cookie.ts';
import type { TokenTransport } from '../sessions/schemas.ts';
import { DEVICE_TTL, type DeviceOwner, type DeviceTokens } from './device-tokens.ts';

export interface DeviceCookie {
  /** What the browser keeps; empty for nothing, and where a page of another site may have sent it along. */
  read(request: FastifyRequest): string;
  /** Makes a device known on which this user proved who they are: answers 204 with a cookie, or 200 with the token in the body. */
  keep(reply: FastifyReply, user: DeviceOwner, transport: TokenTransport): { deviceToken: string } | null;
  /** Hands out what a sign-in answers with, and what makes the device known beside it, the same way; `held`: what came in the body. */
  handOut(...args: [...Parameters<RefreshCookie['handOut']>, held?: string]): ReturnType<RefreshCookie['handOut']>;
}

/** Longer than what a browser of ours sends; `DEVICE_TTL` bounds the tokens in it. */
const LONGEST = 512;

/** The cookie of devices that are known, beside that of the session; signing out leaves it. */
export function createDeviceCookie(deps: {
  devices: DeviceTokens;
  cookie: RefreshCookie;
  config: Config;
}): DeviceCookie {
  const { devices, cookie, config } = deps;
  const secure = config.publicUrl.startsWith('https:');
  const name = secure ? '__Host-ostiary-device' : 'ostiary-device';
  const attributes = { path: '/', httpOnly: true, secure, sameSite: 'strict', maxAge: DEVICE_TTL / 1000 } as const;

  function read(request: FastifyRequest): string {
    // A page of a neighbouring site could use up what the device may try. JSON no page can send without being allowed to.
    if (request.mediaType !== 'application/json' && !isSameOrigin(request, config)) return '';
    return (request.cookies[name] ?? '').slice(0, LONGEST);
  }

  function set(reply: FastifyReply, user: DeviceOwner): void {
    reply.setCookie(name, devices.add(read(reply.request), user), attributes);
  }

  return {
    read,
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
