import { Agent, request } from 'node:http';

export interface Answer {
  status: number;
  /** Milliseconds from the request to the last byte of the answer. */
  took: number;
  text: string;
}

export type Send = (
  method: 'GET' | 'POST',
  path: string,
  options?: { body?: unknown; form?: Record<string, string>; headers?: Record<string, string> },
) => Promise<Answer>;

let clients = 0;

/** A client of one server, with connections that stay open; cheaper than `fetch`, which would be what is measured. */
export function createHttpClient(url: string): Send {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true });
  return (method, path, { body, form, headers } = {}) =>
    new Promise((resolve, reject) => {
      const started = performance.now();
      const text = form ? new URLSearchParams(form).toString() : body === undefined ? null : JSON.stringify(body);
      const payload = text === null ? null : Buffer.from(text);
      const type = form ? 'application/x-www-form-urlencoded' : 'application/json';
      const content = payload && { 'content-type': type, 'content-length': payload.length };
      const all = { 'user-agent': USER_AGENT, 'x-forwarded-for': nextAddress(), ...content, ...headers };
      const outgoing = request({ agent, hostname, port, method, path, headers: all }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          const text = Buffer.concat(parts).toString();
          resolve({ status: response.statusCode ?? 0, took: performance.now() - started, text });
        });
        response.on('error', reject);
      });
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
}

/** The JSON of an answer with this status; throws with what it says otherwise. */
export function expectStatus<T>({ status, text }: Answer, expected: number): T {
  if (status !== expected) throw new Error(`${status} instead of ${expected}: ${text}`);
  return JSON.parse(text) as T;
}

export const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

/** Another client each time, as a proxy would tell: the limits stay on and count, but hit nobody. */
function nextAddress(): string {
  clients++;
  return `10.${(clients >> 16) & 0xff}.${(clients >> 8) & 0xff}.${clients & 0xff}`;
}
