import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ok, type SignedInBody } from './client.ts';
import { somebody, withScene } from './scenario.ts';

type EncryptPasswords = (api: string, ...passwords: string[]) => Promise<string[]>;

const page = readFileSync(new URL('../../docs/encrypted-passwords.md', import.meta.url), 'utf8');
const snippets = Array.from(page.matchAll(/^```js\n(.*?)^```$/gms), ([, code = '']) => code);

test('the snippets of docs/encrypted-passwords.md, as they stand there, sign somebody in and change a password', () =>
  withScene(async (s) => {
    const [encrypting = '', signingIn = ''] = snippets;
    const { encryptPasswords } = (await import(`data:text/javascript,${encodeURIComponent(encrypting)}`)) as {
      encryptPasswords: EncryptPasswords;
    };
    const person = somebody({ password: 'schläft um sieben 李 😀' });
    await s.client.register(person);
    const api = `${await s.app.http.listen({ host: '127.0.0.1', port: 0 })}/api/v1`;

    const statuses: number[] = [];
    const watchedFetch = async (...args: Parameters<typeof fetch>) => {
      const answer = await fetch(...args);
      statuses.push(answer.status);
      return answer;
    };
    const run = Object.getPrototypeOf(async () => {}).constructor;
    const names = ['api', 'login', 'password', 'encryptPasswords', 'fetch', signingIn];
    await run(...names)(api, person.email, person.password, encryptPasswords, watchedFetch);
    assert.deepEqual(statuses, [200]);

    const { accessToken: token } = ok<SignedInBody>(
      await s.client.send('POST', '/auth/login', {
        body: { login: person.email, password: person.password, tokenTransport: 'body' },
      }),
      200,
    );
    const next = 'feeds the cat at eight';
    const [encryptedCurrentPassword, encryptedNewPassword] = await encryptPasswords(api, person.password, next);
    const body = { encryptedCurrentPassword, encryptedNewPassword };
    ok(await s.client.send('POST', '/auth/change-password', { token, body }), 204);
    await s.client.login({ ...person, password: next });
  }));
