import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createHttpClient, type Reply } from '../kill/http-client.ts';
import type { Scene } from '../scenario.ts';
import type { Forgery } from './genuine.ts';

/** What the field of a request can carry over the wire. */
const SENDABLE = /^[\t\x20-\x7e\xa0-\xff]+$/;
const CONNECTIONS = 8;

export type Call = (token: string) => Promise<Reply>;

/** Ways of bringing a token to a server: over the wire wherever it can be sent so. */
export interface Counter {
  asBearer(method: string, path: string): Call;
  inBody(path: string, member: string, more?: object): Call;
  close(): void;
}

export async function openCounter({ app, client }: Scene): Promise<Counter> {
  await app.http.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.http.server.address() as AddressInfo;
  const http = createHttpClient(port, { connections: CONNECTIONS });
  return {
    asBearer: (method, path) => async (token) => {
      if (SENDABLE.test(token)) return http.send(method, path, { token });
      const { statusCode: status, body } = await client.send(method as 'GET', path, { token });
      return { status, body: JSON.parse(body) };
    },
    inBody: (path, member, more) => (token) => http.send('POST', path, { body: { ...more, [member]: token } }),
    close: () => http.close(),
  };
}

/**
 * Brings every forgery; answers how many there were. Asserts that each was answered with one of `expected`, such as
 * `401 unauthenticated`. Around the genuine token there may be spaces, so that one is not a forgery then.
 */
export async function allRefused(
  forgeries: Iterable<Forgery>,
  options: { genuine: string; call: Call; expected: string[] },
): Promise<number> {
  const { genuine, call, expected } = options;
  const faults: string[] = [];
  let count = 0;
  const queue = Iterator.from(forgeries).filter(([, token]) => token.trim() !== genuine && token !== '');

  async function work(): Promise<void> {
    for (const [what, token] of queue) {
      const { status, body } = await call(token);
      const answer = `${status} ${body.code}`;
      count += 1;
      if (!expected.includes(answer)) faults.push(`${what}: ${answer} to ${token.slice(0, 1000)}`);
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  assert.deepEqual(faults.slice(0, 20), [], `${faults.length} of ${count}`);
  return count;
}
