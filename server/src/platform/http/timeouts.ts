import { SECOND } from '../clock.ts';

/** How long a client may take to send its header fields. */
const HEADERS_TIMEOUT = 10 * SECOND;
/** How long an idle connection is kept. Longer than the 60 s of common proxies: whoever closes first must be the one who reuses. */
const KEEP_ALIVE_TIMEOUT = 72 * SECOND;
const LONGEST_CHECK = SECOND;

/**
 * The server's time-outs in milliseconds, from how long a whole request may take to arrive. Node looks for late requests
 * only every `connectionsCheckingInterval`, by default 30 s: without it, clients that drip live far longer than allowed.
 */
export function timeouts(requestTimeout: number) {
  return {
    requestTimeout,
    headersTimeout: Math.min(HEADERS_TIMEOUT, requestTimeout),
    connectionsCheckingInterval: Math.min(LONGEST_CHECK, Math.ceil(requestTimeout / 4)),
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
    /** A connection on which nothing moves at all. Who does not read an answer is cut off sooner; see `connections.ts`. */
    connectionTimeout: 2 * requestTimeout + KEEP_ALIVE_TIMEOUT,
  };
}
