import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { admin } from './administration.ts';
import { codeIn, ok, type SignedInBody, tokenIn } from './client.ts';
import { createWorld } from './matrix/world.ts';
import { refused, somebody, withScene } from './scenario.ts';

const TAKEN = [409, 'username_taken'] as const;

describe('reserved usernames', () => {
  test('nobody chooses one: at registration, with its code, later, or with an invitation', () =>
    withScene(
      async (s) => {
        const w = await createWorld(s);
        const { send } = s.client;
        for (const username of ['admin', 'Support', 'r00t', 'ad-min', 'acme']) {
          refused(await send('POST', '/auth/register', { body: { ...somebody(), username } }), ...TAKEN);
        }

        const { username: _, ...person } = somebody();
        const asked = ok<{ registrationId: string }>(await send('POST', '/auth/register', { body: person }), 202);
        const code = codeIn((await s.mailsTo(person.email))[0]?.text);
        const verify = { registrationId: asked.registrationId, code, tokenTransport: 'body' };
        refused(await send('POST', '/auth/verify-email', { body: { ...verify, username: 'P0STMASTER' } }), ...TAKEN);
        const verified = await send('POST', '/auth/verify-email', { body: { ...verify, username: 'team' } });
        const { accessToken: token } = ok<SignedInBody>(verified, 200);

        refused(await send('PATCH', '/users/me', { token, body: { username: 'ostiary', fullName: 'Ann' } }), ...TAKEN);
        assert.equal(ok<{ fullName: string | null }>(await send('GET', '/users/me', { token }), 200).fullName, null);

        const invited = somebody();
        ok(await admin(w, 'POST', '/users', { email: invited.email }), 201);
        const link = tokenIn((await s.mailsTo(invited.email))[0]?.text);
        const accept = { token: link, password: invited.password, tokenTransport: 'body' };
        refused(await send('POST', '/auth/accept-invitation', { body: { ...accept, username: 'security' } }), ...TAKEN);
        ok(await send('POST', '/auth/accept-invitation', { body: { ...accept, username: 'anns-name' } }), 200);
      },
      { env: { RESERVED_USERNAMES: 'acme,-team' } },
    ));

  test('an administrator gives one; its owner keeps it, and writes it as they like', () =>
    withScene(async (s) => {
      const w = await createWorld(s);
      const { send } = s.client;
      const { email, password } = somebody();
      ok(await admin(w, 'POST', '/users', { email, username: 'support' }), 201);
      const link = tokenIn((await s.mailsTo(email))[0]?.text);
      const accept = { token: link, password, username: 'Support', tokenTransport: 'body' };
      const { accessToken: token } = ok<SignedInBody>(
        await send('POST', '/auth/accept-invitation', { body: accept }),
        200,
      );
      const same = await send('PATCH', '/users/me', { token, body: { username: 'SUPPORT', fullName: 'Ann' } });
      assert.equal(ok<{ username: string }>(same, 200).username, 'SUPPORT');
      refused(await send('PATCH', '/users/me', { token, body: { username: 'helpdesk' } }), ...TAKEN);
      ok(await send('PATCH', '/users/me', { token, body: { username: null } }), 200);
      refused(await send('PATCH', '/users/me', { token, body: { username: 'support' } }), ...TAKEN);

      const { user } = await s.client.register(somebody());
      ok(await admin(w, 'PATCH', `/users/${user.id}`, { username: 'root' }), 200);
    }));
});
