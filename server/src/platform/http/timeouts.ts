import { SECOND } from '../clock.ts';

/** Maximum time for a client to send its header fields. */
const HEADERS_TIMEOUT = 10 * SECOND;
/** Lifetime of an idle connection. Longer than the 60 s of common proxies: the side that reuses connections must close first. */
const KEEP_ALIVE_TIMEOUT = 72 * SECOND;
const LONGEST_CHECK = SECOND;

/**
 * The server's time-outs in milliseconds, from the maximum time for a request to arrive. Node checks for late requests
 * only every `connectionsCheckingInterval`, by default 30 s: slow clients would live far longer than allowed.
 */
export function timeouts(requestTimeout: number) {
  return {
    requestTimeout,
    headersTimeout: Math.min(HEADERS_TIMEOUT, requestTimeout),
    connectionsCheckingInterval: Math.min(LONGEST_CHECK, Math.ceil(requestTimeout / 4)),
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
    /** For connections without any traffic. A client that does not read its answer is cut off sooner; see `connections.ts`. */
    connectionTimeout: 2 * requestTimeout + KEEP_ALIVE_TIMEOUT,
  };
}
