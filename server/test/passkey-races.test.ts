import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ok } from './client.ts';
import { testDatabases } from './databases.ts';
import { createWorld, member, type World } from './matrix/world.ts';
import {
  addPasskey,
  asToJson,
  type Begun,
  beginPasskey,
  beginSignIn,
  type RequestJson,
  sendAssertion,
  sendPasskey,
} from './passkey-verbs.ts';
import { atOnce, openScene, refused, type Scene, tally } from './scenario.ts';
import { createAuthenticator } from './webauthn-device.ts';

const CALLERS = 50;
const ROUNDS = Number(process.env.RACE_ROUNDS || 1);

for (const { name, freshUrl } of testDatabases()) {
  describe(`passkeys on ${name}: ${CALLERS} at once, rounds: ${ROUNDS}`, () => {
    let s: Scene;
    let w: World;
    before(async () => {
      s = await openScene({ freshUrl });
      w = await createWorld(s);
    });
    after(() => s.close());

    const sessionsOf = async (userId: string) => (await s.app.storage.sessions.listOpen(userId, s.time.now)).length;

    for (const counts of [false, true]) {
      test(`one assertion begins one session, ${counts ? 'with' : 'without'} a counter`, async () => {
        for (let round = 0; round < ROUNDS; round++) {
          const ada = await member(w);
          const { device } = await addPasskey(s, ada.token, createAuthenticator({ counts, synced: !counts }));
          const { challengeToken, options } = await beginSignIn(s);
          const response = device.get(options);
          const answers = await atOnce(CALLERS, () => sendAssertion(s.client, challengeToken, response));
          assert.deepEqual(tally(answers), { '200': 1, '401 passkey_invalid': CALLERS - 1 });
          assert.equal(await sessionsOf(ada.userId), 2, 'with the one by password');
          const mails = (await s.mailsTo(ada.email)).map(({ subject }) => subject);
          assert.ok(!mails.some((subject) => subject.startsWith('We refused')), 'no copy is suspected');
        }
      });
    }

    test('different assertions of one counting key: each counter once', async () => {
      const ada = await member(w);
      const { device } = await addPasskey(s, ada.token, createAuthenticator({ counts: true, synced: false }));
      const begun = await atOnce(10, () => beginSignIn(s));
      const sent = begun.map(({ challengeToken, options }) => ({ challengeToken, response: device.get(options) }));
      const answers = await Promise.all(
        sent.map(({ challengeToken, response }) => sendAssertion(s.client, challengeToken, response)),
      );
      const won = answers.filter(({ statusCode }) => statusCode === 200).length;
      assert.ok(won >= 1, 'the highest counter at least');
      assert.equal(await sessionsOf(ada.userId), 1 + won);
      const record = await s.app.storage.factors.find(ada.userId);
      assert.equal(record?.passkeys[0]?.counter, 10);
    });

    test('one registration adds one passkey', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { token, userId } = await member(w);
        const { challengeToken, options } = await beginPasskey(s, token);
        const response = asToJson(createAuthenticator().create(options));
        const answers = await atOnce(CALLERS, () => sendPasskey(s, token, challengeToken, response));
        const counted = tally(answers);
        assert.equal(counted['201'], 1, JSON.stringify(counted));
        assert.equal(answers.filter(({ statusCode }) => statusCode >= 500).length, 0, JSON.stringify(counted));
        const record = await s.app.storage.factors.find(userId);
        assert.equal(record?.passkeys.length, 1);
        const events = await s.app.storage.events.listForTarget(`factors:${userId}`);
        assert.equal(events.length, 1);
      }
    });

    test('one answer makes one session fresh once, and completes one flow once', async () => {
      const ada = await member(w);
      const { device } = await addPasskey(s, ada.token);
      const again = await s.client.send('POST', '/auth/reauthenticate/options', { token: ada.token });
      const begun = ok<Begun<RequestJson>>(again, 200);
      const body = { challengeToken: begun.challengeToken, response: device.get(begun.options) };
      const proofs = await atOnce(CALLERS, () =>
        s.client.send('POST', '/auth/reauthenticate', { token: ada.token, body }),
      );
      assert.equal(tally(proofs)['200'], 1, JSON.stringify(tally(proofs)));

      const login = { login: ada.email, password: ada.password, tokenTransport: 'body' };
      const { flowToken } = refused(await s.client.send('POST', '/auth/login', { body: login }), 403, 'step_required');
      const asked = await s.client.send('POST', '/auth/flow/options', { body: { flowToken, method: 'passkey' } });
      const step = ok<Begun<RequestJson>>(asked, 200);
      const given = { challengeToken: step.challengeToken, response: device.get(step.options), tokenTransport: 'body' };
      const before = await sessionsOf(ada.userId);
      const answers = await atOnce(CALLERS, () =>
        s.client.send('POST', '/auth/complete-step', { body: { flowToken, ...given } }),
      );
      assert.equal(tally(answers)['200'], 1, JSON.stringify(tally(answers)));
      assert.equal(await sessionsOf(ada.userId), before + 1);
    });
  });
}
