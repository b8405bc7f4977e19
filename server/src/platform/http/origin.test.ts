import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertProblem, testServer } from './http.testing.ts';
import { demandSameOrigin } from './origin.ts';

test('cookie routes demand a page of ours', async (t) => {
  const http = { corsOrigins: ['https://app.example.org'] };
  const config = { publicUrl: 'https://auth.example.org/base', http } as Parameters<typeof demandSameOrigin>[1];
  const { app } = await testServer(t, {
    config: { publicUrl: 'https://auth.example.org' },
    http,
    routes: (server) =>
      void server.post('/refresh', { config: { access: 'public' } }, async (request) => {
        demandSameOrigin(request, config);
        return { cookies: { ...request.cookies } };
      }),
  });
  const send = (headers: Record<string, string>) => app.inject({ method: 'POST', url: '/refresh', headers });
  const allowed: Record<string, string>[] = [
    { origin: 'https://auth.example.org' },
    { origin: 'https://app.example.org' },
    { 'sec-fetch-site': 'same-origin' },
  ];
  for (const headers of allowed) {
    assert.deepEqual((await send({ ...headers, cookie: 'a=b; c=d%20e' })).json(), { cookies: { a: 'b', c: 'd e' } });
  }
  const refused: Record<string, string>[] = [
    {},
    { origin: 'null' },
    { origin: 'https://auth.example.org.evil.test' },
    { origin: 'http://auth.example.org' },
    { origin: 'https://auth.example.org:8443' },
    { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
  ];
  for (const headers of refused) assertProblem(await send(headers), 403, 'origin_refused');
});
