import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTestApp } from './app.ts';
import { createClient } from './client.ts';
import { ostiary, serverEnv, withServers } from './kill/server-process.ts';
import { createWorld } from './matrix/world.ts';
import { addPasskey } from './passkey-verbs.ts';

test('a start for another domain warns, and doctor counts the passkeys that it loses', () =>
  withServers(async (dir, start) => {
    const databaseUrl = `sqlite:${join(dir, 'db.sqlite')}`;
    const t = await openTestApp({ databaseUrl });
    const s = { ...t, client: createClient(t), databaseUrl };
    try {
      const { root } = await createWorld(s);
      await addPasskey(s, root);
      await addPasskey(s, root);
    } finally {
      await t.close();
    }
    const env = (rpId: string) =>
      serverEnv(dir, databaseUrl, { PASSKEY_RP_ID: rpId, PASSKEY_ORIGINS: 'https://auth.example.com' });

    const same = await ostiary(['doctor'], { env: env('localhost'), dir });
    assert.match(same.stdout, /^ok +passkeys +for localhost$/m);
    const moved = await ostiary(['doctor'], { env: env('example.com'), dir });
    assert.match(moved.stdout, /^wrong +passkeys +2 were made for another PASSKEY_RP_ID than example\.com/m);
    assert.equal(moved.code, 1);

    const server = await start({ env: env('example.com'), dir });
    const { stdout } = await server.end('SIGTERM');
    assert.match(stdout, /passkeys that were made for another PASSKEY_RP_ID than example\.com/);
  }));
