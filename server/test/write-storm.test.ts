import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { ok } from './client.ts';
import { testDatabases } from './databases.ts';
import { newAccount } from './guessers.ts';
import { atOnce, openScene, type Scene, somebody, tally } from './scenario.ts';

const WRITES = 200;

for (const { name, freshUrl } of testDatabases()) {
  describe(`${WRITES} writes at once by one token, on ${name}`, () => {
    let s: Scene;
    before(async () => {
      s = await openScene({ freshUrl });
    });
    after(() => s.close());

    test('none fails but for a bound that says when to come back, each that succeeds is kept, and others do not wait', async () => {
      const { accessToken: token } = await s.client.login(await newAccount(s));
      const { accessToken: others } = await s.client.login(await newAccount(s));
      const version = async () => {
        const { id } = ok<{ id: string }>(await s.client.send('GET', '/users/me', { token }), 200);
        return (await s.app.storage.users.find(id))?.version ?? assert.fail();
      };
      const before = await version();
      let done = 0;
      const storm = atOnce(WRITES, async (i) => {
        const answer = await s.client.send('PATCH', '/users/me', { token, body: { fullName: `Ada ${i}` } });
        done += 1;
        return answer;
      });
      const neighbour = await s.client.send('PATCH', '/users/me', { token: others, body: { fullName: 'Bob' } });
      const doneBefore = done;
      ok(neighbour, 200);
      assert.ok(doneBefore < WRITES / 2, `${doneBefore} of the storm came before the neighbour`);
      const counts = tally(await storm);
      const succeeded = counts['200'] ?? 0;
      assert.deepEqual(
        Object.keys(counts).filter((key) => key !== '200' && key !== '429 rate_limited'),
        [],
      );
      assert.ok(succeeded > 0);
      assert.equal(await version(), before + succeeded, 'each one that was told 200 has written, and no other');
    });

    test('two hundred writes of one role by ten administrators', async () => {
      const root = somebody();
      await s.app.setup.createUser(SYSTEM_CALLER, { ...root, superadmin: true });
      const { accessToken } = await s.client.login(root);
      const body = { code: 'stormy', name: 'Stormy' };
      const { id } = ok<{ id: string }>(await s.client.send('POST', '/admin/roles', { token: accessToken, body }), 201);
      const tokens = [accessToken];
      for (let i = 1; i < 10; i++) {
        const person = somebody();
        await s.app.setup.createUser(SYSTEM_CALLER, { ...person, superadmin: true });
        tokens.push((await s.client.login(person)).accessToken);
      }
      const answers = await atOnce(WRITES, (i) =>
        s.client.send('PATCH', `/admin/roles/${id}`, {
          token: tokens[i % 10] ?? '',
          body: { description: `By hand ${i}` },
        }),
      );
      const counts = tally(answers);
      assert.deepEqual(
        Object.keys(counts).filter((key) => key !== '200' && !/^(429 rate_limited|503 overloaded)$/.test(key)),
        [],
      );
      const succeeded = counts['200'] ?? 0;
      assert.equal((await s.app.storage.roles.find(id))?.version, 1 + succeeded);
    });
  });
}
