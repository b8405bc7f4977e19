import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin, withWorld } from './administration.ts';
import { ok } from './client.ts';
import { keyOwner, service } from './key-verbs.ts';
import type { World } from './matrix/world.ts';
import { connectWs } from './ws-client.ts';

const EVENTS = 'GET:/api/v1/admin/events';
const USERS = 'GET:/api/v1/admin/users';

async function connected(w: World, token: string) {
  const client = await connectWs(w.app, { token });
  assert.ok((await client.next({})).ready);
  return client;
}

test('a key follows what its scopes open, and nothing about its person', () =>
  withWorld(async (w) => {
    for (const { secret } of [
      await keyOwner(w, [EVENTS, USERS], { scopes: [EVENTS] }),
      await service(w, [EVENTS, USERS], { scopes: [EVENTS] }),
    ]) {
      const client = await connected(w, secret);
      client.send({ subscribe: ['events', 'users', 'me', 'keys'] });
      await client.next({ subscribed: 'events' });
      await client.next({ refused: 'users', code: 'scope_insufficient' });
      await client.next({ refused: 'me', code: 'credential_refused' });
      await client.next({ refused: 'keys', code: 'forbidden' });
    }
    const root = await keyOwner(w, ['GET:/api/v1/admin/*'], { scopes: ['GET:/api/v1/admin/*'] });
    const client = await connected(w, root.secret);
    client.send({ subscribe: ['me', 'users'] });
    await client.next({ refused: 'me', code: 'credential_refused' });
    await client.next({ subscribed: 'users' });
  }));

test('its connection ends with it, with its person, and with its account', () =>
  withWorld(async (w) => {
    const ends: [secret: string, end: () => Promise<unknown>][] = [];
    const revoked = await keyOwner(w, [EVENTS], { scopes: [EVENTS] });
    ends.push([
      revoked.secret,
      async () => ok(await w.client.send('DELETE', `/users/me/keys/${revoked.key.id}`, { token: revoked.token }), 204),
    ]);
    const disabled = await keyOwner(w, [EVENTS], { scopes: [EVENTS] });
    ends.push([
      disabled.secret,
      async () => ok(await admin(w, 'POST', `/users/${disabled.userId}/deactivate`, {}), 200),
    ]);
    const program = await service(w, [EVENTS], { scopes: [EVENTS] });
    ends.push([
      program.secret,
      async () => ok(await admin(w, 'PATCH', `/service-accounts/${program.accountId}`, { enabled: false }), 200),
    ]);
    const bystander = await connected(w, (await keyOwner(w, [EVENTS], { scopes: [EVENTS] })).secret);
    for (const [secret, end] of ends) {
      const client = await connected(w, secret);
      client.send({ subscribe: ['events'] });
      await client.next({ subscribed: 'events' });
      await end();
      assert.equal(await client.closed, 4403);
    }
    assert.equal(bystander.socket.readyState, bystander.socket.OPEN);
  }));

test('narrowed, it hears nothing more of what it lost', () =>
  withWorld(async (w) => {
    const { secret, key, token } = await keyOwner(w, [EVENTS, USERS], { scopes: [EVENTS, USERS] });
    const client = await connected(w, secret);
    client.send({ subscribe: ['events', 'users'] });
    await client.next({ subscribed: 'users' });
    ok(await w.client.send('PATCH', `/users/me/keys/${key.id}`, { token, body: { scopes: [EVENTS] } }), 200);
    await client.next({ refused: 'users', code: 'scope_insufficient' });
  }));
