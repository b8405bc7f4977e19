import type { WebSocket } from 'ws';
import type { Config } from '../../platform/config/config.ts';
import { platformErrors } from '../../platform/errors.ts';
import { type Origin, originOf } from '../../platform/http/caller.ts';
import { clientKey } from '../../platform/http/client-address.ts';
import { isOurOrigin } from '../../platform/http/origin.ts';
import type { RoutePlugin } from '../../platform/http/part.ts';
import { asksForWebSocket, openWebSocket, TOKEN_PROTOCOL } from '../../platform/websocket/upgrades.ts';

/** Takes over a new connection; `address`: what it is counted by; `token`: what it brought in the handshake. */
export type Accept = (socket: WebSocket, given: { address: string; from: Origin; token: string | null }) => void;

/** Handshakes of one address in a minute: all pages of an office come back at once when a server has stopped. */
const HANDSHAKES = { name: 'websocket', points: 600, duration: 60 };

/** The route of the WebSocket. OpenAPI cannot describe what follows the handshake: `docs/realtime.md` does. */
export function realtimeRoutes({
  config,
  accept,
  check,
}: {
  config: Config;
  accept: Accept;
  /** Called once all routes are there; what it throws stops the start. */
  check: () => void;
}): RoutePlugin {
  return async (app) => {
    app.addHook('onReady', async () => check());
    app.get(
      '/ws',
      {
        config: { access: 'public', limit: HANDSHAKES, errors: ['upgrade_required', 'origin_refused'] },
        schema: { hide: true },
      },
      async (request, reply) => {
        if (!asksForWebSocket(request.raw))
          throw platformErrors.upgrade_required({ headers: { upgrade: 'websocket' } });
        const { origin, 'sec-websocket-protocol': protocols } = request.headers;
        // Browsers send it with every handshake, and ask nobody first (RFC 6455, 10.2). Programs send none.
        if (origin !== undefined && !isOurOrigin(origin, config)) throw platformErrors.origin_refused();
        const from = originOf(request);
        const socket = await openWebSocket(request, reply);
        if (socket === null) return reply;
        accept(socket, { address: clientKey(from.ip), from, token: tokenIn(protocols) });
        return reply;
      },
    );
  };
}

/** The token of a handshake: a browser can send it no other way, and a URL would be logged. */
function tokenIn(protocols: string | undefined): string | null {
  const names = protocols?.split(',').map((name) => name.trim()) ?? [];
  return names.find((name) => name.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length) ?? null;
}
