import type { onRequestHookHandler } from 'fastify';
import type { Logger } from 'pino';

/**
 * Tells the log, once, of the first request whose `X-Forwarded-For` is not believed: behind a proxy that `TRUSTED_PROXIES` does not
 * name, everything works, but all people share one limit. Strangers can send such a field, too, which costs one line.
 */
export function createProxyNotice(log: Logger): onRequestHookHandler {
  let told = false;
  return (request, _reply, done) => {
    const proxy = request.raw.socket.remoteAddress;
    if (!told && request.raw.headers['x-forwarded-for'] && request.ip === proxy && isNotBelieved(request.ips)) {
      told = true;
      log.warn(
        { proxy },
        'a request came with an X-Forwarded-For that is not believed: if it came by a proxy of yours, add that to TRUSTED_PROXIES, or all its clients count as one',
      );
    }
    done();
  };
}

/** `ips`: the peer, and then every address that a trusted one vouches for; undefined where no proxy is trusted. */
const isNotBelieved = (ips: string[] | undefined) => ips === undefined || ips.length === 1;
