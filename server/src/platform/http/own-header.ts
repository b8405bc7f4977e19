import { ServerResponse } from './node-http.ts';

/** Fields of Node's `ServerResponse` that its types omit: what it knows when it writes a header, and what it leaves behind. */
export interface HeaderState {
  statusCode: number;
  sendDate: boolean;
  shouldKeepAlive: boolean;
  chunkedEncoding: boolean;
  maxRequestsOnConnectionReached?: boolean;
  _removedConnection: boolean;
  _defaultKeepAlive: boolean;
  _keepAliveTimeout: number;
  _maxRequestsPerSocket?: number | null;
  _contentLength: number | null;
  _removedContLen: boolean;
  _header: string | null;
  _headerSent: boolean;
  _storeHeader(lines: string, headers: Record<string, unknown> | undefined): void;
}

/** Fields whose presence changes nothing else in the header, nor in how the body is sent. */
const PLAIN: ReadonlySet<string> = new Set(['content-type', 'etag']);
/** RFC 9110, 5.5, without tabs and obsolete text. */
const VALUE = /^[\x20-\x7e]*$/;

let second = 0;
let endings = new Map<number, string>();

/** Node's own last lines, made once a second. */
function ending(keepAliveTimeout: number): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    endings = new Map();
  }
  const known = endings.get(keepAliveTimeout);
  if (known !== undefined) return known;
  const date = new Date(now * 1000).toUTCString();
  const seconds = Math.floor(keepAliveTimeout / 1000);
  const made = `Date: ${date}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n\r\n`;
  endings.set(keepAliveTimeout, made);
  return made;
}

/**
 * Writes the whole header of the usual answer, a 200 with a body of known length on a connection that goes on, as Node would: its own way, with a
 * check of each name and value, takes a tenth of a small answer's time. False: it is another answer, and nothing was written.
 */
export function writeUsualHeader(response: HeaderState, lines: string, headers: Record<string, unknown>): boolean {
  if (
    response.statusCode !== 200 ||
    !response.shouldKeepAlive ||
    !response.sendDate ||
    response.chunkedEncoding ||
    response.maxRequestsOnConnectionReached ||
    response._removedConnection ||
    !response._defaultKeepAlive ||
    !(response._keepAliveTimeout > 0) ||
    (response._maxRequestsPerSocket ?? 0) > 0
  ) {
    return false;
  }
  let text = lines;
  let length = -1;
  for (const name in headers) {
    const value = headers[name];
    if (name === 'content-length') length = lengthOf(value);
    else if (!PLAIN.has(name) || typeof value !== 'string' || !VALUE.test(value)) return false;
    text += `${name}: ${value}\r\n`;
  }
  if (length < 0) return false;
  response._contentLength = length;
  response._removedContLen = false;
  response._header = text + ending(response._keepAliveTimeout);
  response._headerSent = false;
  return true;
}

/** -1: it is no length. */
function lengthOf(value: unknown): number {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : -1;
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : -1;
}

/**
 * Whether `writeUsualHeader` leaves a response exactly as this version of Node does: the same bytes, and the same in every other field. These are
 * private to Node, so the question is asked of each version when the server starts.
 */
export function isAsNodeWrites(): boolean {
  // The clock may go to the next second between the two.
  return isSameOnce() || isSameOnce();
}

function isSameOnce(): boolean {
  const [own, node] = [sample(), sample()];
  const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': '2', etag: '"1"' };
  const status = 'HTTP/1.1 200 OK\r\n';
  if (!writeUsualHeader(own, status, headers)) return false;
  node._storeHeader(status, headers);
  const [ours, theirs] = [own, node] as unknown as Record<PropertyKey, unknown>[];
  const keys = new Set([...Reflect.ownKeys(own), ...Reflect.ownKeys(node)]);
  return [...keys].every((key) => isObject(ours?.[key]) || Object.is(ours?.[key], theirs?.[key]));
}

const isObject = (value: unknown) => typeof value === 'function' || (typeof value === 'object' && value !== null);

/** As Node's server makes it for a request that is kept alive. */
function sample(): HeaderState {
  const request = { method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1, headers: {} };
  const response = new ServerResponse(request as never) as unknown as HeaderState;
  response.shouldKeepAlive = true;
  response._keepAliveTimeout = 5000;
  response._maxRequestsPerSocket = 0;
  return response;
}
