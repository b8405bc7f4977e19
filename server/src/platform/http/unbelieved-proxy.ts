import type { onRequestHookHandler } from 'fastify';
import type { Logger } from 'pino';

/**
 * Logs the first request whose `X-Forwarded-For` is not trusted: behind a proxy that is missing in `TRUSTED_PROXIES`,
 * everything works, but all users share one limit. Strangers can send such a field, too, which costs one line.
 */
export function createProxyNotice(log: Logger): onRequestHookHandler {
  let told = false;
  return (request, _reply, done) => {
    const proxy = request.raw.socket.remoteAddress;
    if (!told && request.raw.headers['x-forwarded-for'] && request.ip === proxy && isNotBelieved(request.ips)) {
      told = true;
      log.warn(
        { proxy },
        'a request has an untrusted X-Forwarded-For: if it came through your proxy, add that to TRUSTED_PROXIES, or all its clients count as one',
      );
    }
    done();
  };
}

/** `ips`: the peer, then every address that a trusted proxy reports; undefined if no proxy is trusted. */
const isNotBelieved = (ips: string[] | undefined) => ips === undefined || ips.length === 1;
