import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openTestApp } from './app.ts';
import { createClient, ok } from './client.ts';
import { testDatabases } from './databases.ts';

const ANN = { email: 'ann@example.com', password: 'walks the dog at seven', username: 'ann' };
const NUL = '\u0000';

for (const { name, freshUrl } of testDatabases()) {
  describe(`text on ${name}`, () => {
    test('U+0000, which PostgreSQL cannot store or compare, never reaches a database; whatever else people write comes back', async () => {
      const { url, drop } = await freshUrl();
      const t = await openTestApp({ databaseUrl: url });
      try {
        const client = createClient(t);
        const { accessToken: token } = await client.register(ANN);
        for (const body of [
          { fullName: `a${NUL}` },
          { username: `ann${NUL}` },
          { locale: `en${NUL}` },
          { phone: `+4930123456${NUL}` },
          { profile: { bio: NUL } },
          { profile: { website: `https://x${NUL}` } },
          { profile: { location: NUL } },
        ]) {
          ok(await client.send('PATCH', '/users/me', { token, body }), 400);
        }
        const login = { login: `ann${NUL}`, password: `x${NUL}` };
        ok(await client.send('POST', '/auth/login', { body: login }), 401);
        ok(await client.send('POST', '/auth/verify-email', { body: { registrationId: NUL, code: '000000' } }), 400);
        ok(await client.send('POST', '/auth/resend-verification', { body: { registrationId: NUL } }), 202);
        ok(await client.send('DELETE', '/sessions/%00', { token }), 404);
        ok(await client.send('GET', '/users/by-name/%00'), 404);
        ok(await client.send('POST', '/auth/request-password-reset', { body: { email: `a${NUL}@example.com` } }), 400);

        const profile = {
          bio: 'línea\n\t"二" \\ \'; drop table users; -- {"$gt":""} 🦉',
          website: 'https://example.com/ä?q=%00',
          location: 'Łódź',
        };
        const body = { fullName: 'Ann אן O’Neil', profile };
        const me = ok<typeof body>(await client.send('PATCH', '/users/me', { token, body }), 200);
        assert.deepEqual({ fullName: me.fullName, profile: me.profile }, body);
      } finally {
        await t.close();
        await drop();
      }
    });
  });
}
