import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserRecord } from '../src/modules/users/user-store.ts';
import { makeEvent, makePasskey } from './fixtures.ts';
import type { Begun, CreationJson, RequestJson } from './passkey-verbs.ts';
import { asToJson } from './passkey-verbs.ts';
import { atOnce, withScene } from './scenario.ts';
import { openSignInLab, type SignInLab, type Step } from './sign-in-lab.ts';
import { createAuthenticator, FLAGS } from './webauthn-device.ts';

async function asked(lab: SignInLab, user: UserRecord, step: string): Promise<Step> {
  const { problem } = await lab.enter(user);
  assert.deepEqual([problem?.code, problem?.step], ['step_required', step]);
  return problem as unknown as Step;
}

const complete = (lab: SignInLab, body: object) => lab.post('/auth/complete-step', { tokenTransport: 'body', ...body });

async function begin<Options>(lab: SignInLab, flowToken: string): Promise<Begun<Options>> {
  const { status, body } = await lab.post('/auth/flow/options', { flowToken, method: 'passkey' });
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

for (const mfa of ['required', 'phishing_resistant'] as const) {
  test(`who must have a second factor (${mfa}) adds a passkey as a step, and proves it the next time`, (t) =>
    withScene(async (s) => {
      const lab = await openSignInLab(t, s, { withPasskeys: true });
      const user = await lab.newUser();
      lab.policy.mfa = mfa;
      const { flowToken, methods } = await asked(lab, user, 'enroll_mfa');
      assert.deepEqual(methods, mfa === 'required' ? ['totp', 'passkey'] : ['passkey']);
      const device = createAuthenticator();
      const { challengeToken, options } = await begin<CreationJson>(lab, flowToken);
      assert.equal(options.rp.id, 'localhost');
      // Nobody present: that is only for a browser that adds it silently in a session.
      const unasked = asToJson(device.create(options, { flags: FLAGS.AT | FLAGS.BE | FLAGS.BS }));
      const refused = await complete(lab, { flowToken, challengeToken, response: unasked });
      assert.deepEqual([refused.status, refused.body.code], [400, 'passkey_refused']);
      const other = await asked(lab, user, 'enroll_mfa');
      const foreign = await begin<CreationJson>(lab, other.flowToken);
      const crossed = asToJson(device.create(foreign.options));
      const wrong = await complete(lab, { flowToken, challengeToken: foreign.challengeToken, response: crossed });
      assert.deepEqual([wrong.status, wrong.body.code], [400, 'passkey_refused']);

      const response = asToJson(device.create(options));
      const answers = await atOnce(50, () => complete(lab, { flowToken, challengeToken, response }));
      const [done, ...more] = answers.filter(({ status }) => status === 200);
      assert.ok(done && more.length === 0, JSON.stringify(answers.map(({ body }) => body.code)));
      assert.equal(done.body.recoveryCodes.length, 10);
      const session = await lab.sessionOf(done.body.session.id);
      assert.deepEqual([session?.aal, session?.methods.map(({ method }) => method)], [2, ['password', 'passkey']]);
      assert.equal((await lab.factors.records.held(user)).passkeys.length, 1);
      // The other flow would add a second one without the first.
      const late = await complete(lab, {
        flowToken: other.flowToken,
        challengeToken: foreign.challengeToken,
        response: crossed,
      });
      assert.equal(late.status >= 400, true);
      assert.equal((await lab.factors.records.held(user)).passkeys.length, 1);

      const next = await asked(lab, user, 'mfa');
      const proof = await begin<RequestJson>(lab, next.flowToken);
      const credential =
        device.credentials.find(({ id }) => id === proof.options.allowCredentials[0]?.id) ?? assert.fail();
      const body = { challengeToken: proof.challengeToken, response: device.get(proof.options, { credential }) };
      const signedIn = await complete(lab, { flowToken: next.flowToken, ...body });
      assert.equal(signedIn.status, 200, JSON.stringify(signedIn.body));
      assert.equal(signedIn.body.recoveryCodes, undefined);
    }));
}

test('a passkey that a browser added silently is asked for where a policy demands a second factor, and only there', (t) =>
  withScene(async (s) => {
    const lab = await openSignInLab(t, s, { withPasskeys: true });
    const user = await lab.newUser();
    const record = await lab.factors.records.current(user);
    const event = makeEvent(`factors:${user.id}`);
    await s.app.storage.factors.addPasskey(record, makePasskey({ silent: true }), {}, event);
    assert.ok((await lab.enter(user)).session);
    lab.policy.mfa = 'required';
    assert.deepEqual((await asked(lab, user, 'mfa')).methods, ['passkey']);
    assert.ok((await lab.enter(user, ['passkey'])).session, 'it is enough by itself');
  }));
