import assert from 'node:assert/strict';
import { join } from 'node:path';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { createScratch, type Scratch } from '../tools/test-servers/scratch.ts';
import type { SignedInBody } from './client.ts';
import { openBeside } from './kill/people.ts';
import { serverEnv, withServers } from './kill/server-process.ts';
import { type Asking, ask, type Way } from './proxy-client.ts';

/** The address from which the proxies of these tests connect. */
export const PROXY = '127.0.0.1';
export const PUBLIC_HOST = 'auth.example.com';
export const PERSON = { email: 'ann@example.com', password: 'walks the dog at seven' };

export interface ProxiedServer {
  port: number;
  /** For the proxies in front of it. */
  scratch: Scratch;
  /** Ends it; the warnings in its log that name a proxy: each is its address and the words. */
  end(): Promise<[proxy: string, words: string][]>;
}

/** Starts a server, as it is deployed, that trusts proxies on 127.0.0.1 unless `env` says otherwise, with one account. */
export async function withProxiedServer(
  run: (server: ProxiedServer) => Promise<void>,
  env: Record<string, string> = {},
): Promise<void> {
  const scratch = createScratch();
  try {
    await withServers(async (dir, start) => {
      const url = `sqlite:${join(dir, 'test.db')}`;
      const beside = await openBeside(url, dir);
      await beside.app.setup.createUser(SYSTEM_CALLER, { ...PERSON, superadmin: false });
      await beside.close();
      const public_ = { PUBLIC_URL: `https://${PUBLIC_HOST}`, TRUSTED_PROXIES: PROXY };
      const server = await start({ env: serverEnv(dir, url, { ...public_, ...env }), dir });
      const end = async () => {
        const { stdout } = await server.end('SIGTERM');
        const read = stdout
          .split('\n')
          .filter((line) => line.includes('"proxy":'))
          .map((line) => JSON.parse(line));
        return read.map(({ proxy, msg }): [string, string] => [proxy, msg]);
      };
      await run({ port: server.port, scratch, end });
    });
  } finally {
    await scratch.end();
  }
}

/** The address that the server notes in a new session of a client that comes this way, with these fields in each request. */
export async function seenOf(way: Way, headers: Asking['headers'] = {}, prefix = ''): Promise<string> {
  const body = { login: PERSON.email, password: PERSON.password, tokenTransport: 'body' };
  const login = await ask(way, 'POST', `${prefix}/api/v1/auth/login`, { body, headers });
  assert.equal(login.status, 200, login.text);
  const token = login.json<SignedInBody>().accessToken;
  const list = await ask(way, 'GET', `${prefix}/api/v1/sessions`, { token, headers });
  assert.equal(list.status, 200, list.text);
  const current = list.json<{ items: { ip: string; current: boolean }[] }>().items.find((one) => one.current);
  return current?.ip ?? assert.fail(list.text);
}
