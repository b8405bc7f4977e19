import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LightMyRequestResponse } from 'fastify';
import { MINUTE } from '../src/platform/clock.ts';
import { ok, type SignedInBody } from './client.ts';
import { newAccount } from './guessers.ts';
import { openScene, refused, SAME_ORIGIN, type Scene } from './scenario.ts';

/** Two servers on one host, in one browser. Each has a key of its own, as it has where nobody sets one. */
async function withTwo(urls: readonly [string, string], run: (one: Scene, two: Scene) => Promise<void>) {
  const keys = ['the key of the first server, 0123456789', 'the key of the second one, 9876543210'];
  const scenes: Scene[] = [];
  try {
    for (const [index, url] of urls.entries())
      scenes.push(await openScene({ env: { PUBLIC_URL: url, SECRET_KEY: keys[index] ?? '' } }));
    const [one, two] = scenes;
    assert.ok(one && two);
    await run(one, two);
  } finally {
    for (const scene of scenes) await scene.close();
  }
}

/** The cookies of one host, as a browser keeps them: by name, whatever the port. */
function browser() {
  const jar = new Map<string, string>();
  function keep(answer: LightMyRequestResponse): LightMyRequestResponse {
    for (const field of [answer.headers['set-cookie'] ?? []].flat()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(field) ?? [];
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  }
  const send = async ({ client }: Scene, path: string, body?: object) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...SAME_ORIGIN, ...(cookie && { cookie }) };
    return keep(await client.send('POST', path, { headers, ...(body && { body }) }));
  };
  const signIn = async (s: Scene) => {
    const { email: login, password } = await newAccount(s);
    return ok<SignedInBody>(await send(s, '/auth/login', { login, password }), 200);
  };
  return { jar, send, signIn };
}

const PLACES: [string, readonly [string, string]][] = [
  ['ports of localhost', ['http://localhost:8000', 'http://localhost:8001']],
  ['unusual ports', ['https://h.example:8443', 'https://h.example:8444']],
  ['a path beside the root', ['https://h.example', 'https://h.example/auth']],
  ['two paths', ['https://h.example/one', 'https://h.example/two']],
];

for (const [name, urls] of PLACES) {
  test(`two servers on one host keep a browser’s sessions and devices apart: ${name}`, () =>
    withTwo(urls, async (one, two) => {
      const { jar, send, signIn } = browser();
      await signIn(one);
      await signIn(two);
      assert.equal(jar.size, 4, [...jar.keys()].join());
      for (const s of [one, two, one]) {
        one.time.forward(MINUTE);
        two.time.forward(MINUTE);
        ok(await send(s, '/auth/refresh'), 200);
      }
      ok(await send(two, '/auth/logout'), 204);
      refused(await send(two, '/auth/refresh'), 401, 'refresh_invalid');
      ok(await send(one, '/auth/refresh'), 200);
      refused(await send(two, '/auth/logout'), 401, 'unauthenticated');
      ok(await send(one, '/auth/refresh'), 200);
    }));
}

test('a cookie that the version before has set stays good, and takes its new name', () =>
  withTwo(['https://h.example', 'https://h.example/auth'], async (one, two) => {
    const { jar, send, signIn } = browser();
    await signIn(two);
    const [session = '', device = ''] = ['', '-device'].map((kind) => {
      const name = [...jar.keys()].find((key) => key.endsWith('-device') === (kind !== '')) ?? '';
      const value = jar.get(name) ?? '';
      jar.delete(name);
      jar.set(`__Host-ostiary${kind}`, value);
      return name;
    });
    two.time.forward(MINUTE);
    ok(await send(two, '/auth/refresh'), 200);
    assert.deepEqual([...jar.keys()].sort(), ['__Host-ostiary-device', session].sort());
    assert.match(session, /^__Host-ostiary-[0-9a-f]{8}$/);
    assert.equal(device, `${session}-device`);
    ok(await send(two, '/auth/refresh'), 200);
    // The plain name is that of the server at the root.
    await signIn(one);
    ok(await send(two, '/auth/logout'), 204);
    ok(await send(one, '/auth/refresh'), 200);
  }));
