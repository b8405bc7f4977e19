import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserRecord } from '../src/modules/users/user-store.ts';
import { after, DAY, HOUR, MINUTE, SECOND } from '../src/platform/clock.ts';
import { appCode, type BegunTotp } from './authenticator.ts';
import { makeEvent, makePasskey } from './fixtures.ts';
import { atOnce, withScene } from './scenario.ts';
import { openSignInLab, type SignInLab, type Step } from './sign-in-lab.ts';

const TRANSPORT = { tokenTransport: 'body' };

async function asked(lab: SignInLab, user: UserRecord, step: string): Promise<Step> {
  const { problem } = await lab.enter(user);
  assert.deepEqual([problem?.code, problem?.step], ['step_required', step]);
  return problem as unknown as Step;
}

const complete = (lab: SignInLab, body: object) => lab.post('/auth/complete-step', { ...TRANSPORT, ...body });
async function begin(lab: SignInLab, flowToken: string): Promise<BegunTotp> {
  const { status, body } = await lab.post('/auth/flow/options', { flowToken, method: 'totp' });
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

test('who must have a second factor adds one as a step, gets recovery codes once, and is signed in by both', (t) =>
  withScene(async (s) => {
    const lab = await openSignInLab(t, s);
    const user = await lab.newUser();
    lab.policy.mfa = 'required';
    const { flowToken, methods, later } = await asked(lab, user, 'enroll_mfa');
    assert.deepEqual([methods, later], [['totp'], undefined]);
    const { enrollToken, secret } = await begin(lab, flowToken);
    assert.equal((await lab.factors.records.held(user)).totp.length, 0);
    const wrong = await complete(lab, { flowToken, enrollToken, code: appCode(secret, s.time.now, 3) });
    assert.deepEqual([wrong.status, wrong.body.code], [400, 'code_invalid']);
    const put = await complete(lab, { flowToken, later: true });
    assert.deepEqual([put.status, put.body.code], [400, 'token_invalid']);
    const done = await complete(lab, { flowToken, enrollToken, code: appCode(secret, s.time.now) });
    assert.equal(done.status, 200, JSON.stringify(done.body));
    assert.equal(done.body.recoveryCodes.length, 10);
    const session = await lab.sessionOf(done.body.session.id);
    assert.deepEqual([session?.aal, session?.methods.map(({ method }) => method)], [2, ['password', 'totp']]);
    // Neither the flow nor the code of the enrolment is good for a second one.
    for (const body of [
      { flowToken, enrollToken, code: appCode(secret, s.time.now) },
      { flowToken, code: appCode(secret, s.time.now) },
    ]) {
      assert.equal((await complete(lab, body)).status, 400);
    }
    const next = await asked(lab, user, 'mfa');
    s.time.forward(30 * SECOND);
    const signedIn = await complete(lab, { flowToken: next.flowToken, code: appCode(secret, s.time.now) });
    assert.equal(signedIn.status, 200);
    assert.equal(signedIn.body.recoveryCodes, undefined);
  }));

test('within the grace period it can be put off at each sign-in, and a session that continues is not asked; then it is', (t) =>
  withScene(async (s) => {
    const lab = await openSignInLab(t, s);
    const user = await lab.newUser();
    lab.policy.mfa = 'required';
    lab.policy.mfaGraceUntil = after(s.time.now, DAY);
    const { flowToken, later } = await asked(lab, user, 'enroll_mfa');
    assert.equal(later, true);
    assert.equal((await lab.post('/auth/flow', { flowToken })).body.later, true);
    const done = await complete(lab, { flowToken, later: true });
    assert.equal(done.status, 200, JSON.stringify(done.body));
    const session = await lab.sessionOf(done.body.session.id);
    assert.deepEqual([session?.aal, session?.methods.length], [1, 1]);
    await asked(lab, user, 'enroll_mfa');
    s.time.forward(HOUR);
    const refreshed = await lab.refresh(done.body.refreshToken);
    assert.equal(refreshed.statusCode, 200, refreshed.body);
    const waiting = await asked(lab, user, 'enroll_mfa');
    s.time.forward(DAY - HOUR - MINUTE);
    const last = await asked(lab, user, 'enroll_mfa');
    s.time.forward(MINUTE);
    for (const token of [waiting.flowToken, last.flowToken]) {
      assert.equal((await complete(lab, { flowToken: token, later: true })).status, 400);
    }
    assert.equal((await asked(lab, user, 'enroll_mfa')).later, undefined);
    // The session that continues must add it now, and is the same one afterwards.
    const { refreshToken } = refreshed.json();
    const stopped = await lab.refresh(refreshToken);
    assert.deepEqual([stopped.statusCode, stopped.json().step], [403, 'enroll_mfa']);
    const { enrollToken, secret } = await begin(lab, stopped.json().flowToken);
    const code = appCode(secret, s.time.now);
    const elevated = await complete(lab, { flowToken: stopped.json().flowToken, enrollToken, code });
    assert.deepEqual([elevated.status, elevated.body.session?.id], [200, session?.id]);
    assert.equal(elevated.body.recoveryCodes.length, 10);
    assert.equal((await lab.sessionOf(session?.id ?? ''))?.aal, 2);
    assert.equal((await lab.refresh(refreshToken)).statusCode, 200);
  }));

test('an enrolment is of one flow: another flow of the person cannot confirm it, and one that waited must prove the new factor', (t) =>
  withScene(async (s) => {
    const lab = await openSignInLab(t, s);
    const user = await lab.newUser();
    lab.policy.mfa = 'required';
    const [one, two] = [await asked(lab, user, 'enroll_mfa'), await asked(lab, user, 'enroll_mfa')];
    const [ofOne, ofTwo] = [await begin(lab, one.flowToken), await begin(lab, two.flowToken)];
    const code = (of: BegunTotp) => appCode(of.secret, s.time.now);
    const crossed = await complete(lab, {
      flowToken: two.flowToken,
      enrollToken: ofOne.enrollToken,
      code: code(ofOne),
    });
    assert.deepEqual([crossed.status, crossed.body.code], [400, 'token_invalid']);
    const first = { flowToken: one.flowToken, enrollToken: ofOne.enrollToken, code: code(ofOne) };
    assert.equal((await complete(lab, first)).status, 200);
    const second = { flowToken: two.flowToken, enrollToken: ofTwo.enrollToken, code: code(ofTwo) };
    // What it brings is a code of the step that is due by now, and a wrong one.
    const refused = await complete(lab, second);
    assert.deepEqual([refused.status, refused.body.code], [400, 'code_invalid']);
    assert.equal((await lab.factors.records.held(user)).totp.length, 1);
    s.time.forward(30 * SECOND);
    assert.equal((await complete(lab, { flowToken: two.flowToken, code: code(ofOne) })).status, 200);
  }));

test('of many who enrol for one account at once one adds a factor, and nobody else gets in', (t) =>
  withScene(async (s) => {
    const lab = await openSignInLab(t, s);
    const user = await lab.newUser();
    lab.policy.mfa = 'required';
    const flows = await atOnce(20, async () => {
      const { flowToken } = await asked(lab, user, 'enroll_mfa');
      return { flowToken, ...(await begin(lab, flowToken)) };
    });
    const answers = await Promise.all(
      flows.map(({ flowToken, enrollToken, secret }) =>
        complete(lab, { flowToken, enrollToken, code: appCode(secret, s.time.now) }),
      ),
    );
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    assert.equal((await lab.factors.records.held(user)).totp.length, 1);
    assert.equal((await s.app.storage.sessions.listLatest(user.id, 100)).length, 1);
  }));

test('where a key is demanded, an app is not enough: who has none yet adds one after every factor that there is', (t) =>
  withScene(async (s) => {
    const lab = await openSignInLab(t, s);
    const user = await lab.newUser();
    lab.policy.mfa = 'required';
    const { flowToken } = await asked(lab, user, 'enroll_mfa');
    const { enrollToken, secret } = await begin(lab, flowToken);
    assert.equal((await complete(lab, { flowToken, enrollToken, code: appCode(secret, s.time.now) })).status, 200);
    s.time.forward(30 * SECOND);
    lab.policy.mfa = 'phishing_resistant';
    lab.policy.trusted = true;
    const first = await asked(lab, user, 'mfa');
    assert.deepEqual(first.methods, ['totp', 'recovery_code']);
    const then = await complete(lab, { flowToken: first.flowToken, code: appCode(secret, s.time.now) });
    assert.deepEqual([then.status, then.body.step], [403, 'enroll_mfa']);
    // Another app would not do.
    assert.deepEqual(then.body.methods, []);
    const record = await lab.factors.records.current(user);
    const event = makeEvent(`factors:${user.id}`, { userId: user.id, pending: false });
    assert.equal(await s.app.storage.factors.addPasskey(record, makePasskey(), {}, event), 'ok');
    lab.policy.trusted = false;
    const second = await asked(lab, user, 'mfa');
    assert.deepEqual(second.methods, ['recovery_code']);
    lab.policy.trusted = true;
    assert.equal((await lab.enter(user)).session?.aal, 1);
    lab.policy.trusted = false;
    assert.equal((await lab.enter(user, ['passkey'])).session?.aal, 2);
  }));
