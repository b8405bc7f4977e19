import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { makeEvent, makeUser, NOW } from '../../../test/fixtures.ts';
import { type Scene, withScene } from '../../../test/scenario.ts';
import { errorTable } from '../../errors.ts';
import { MINUTE } from '../../platform/clock.ts';
import { createKeyring } from '../../platform/crypto/keyring.ts';
import { platformErrors } from '../../platform/errors.ts';
import { personOf, testServer } from '../../platform/http/http.testing.ts';
import { newId } from '../../platform/ids.ts';
import { createEvents } from '../events/events.ts';
import { factorsOf } from '../factors/names.ts';
import { createDeviceCookie } from '../guessing/device-cookie.ts';
import { createDeviceTokens } from '../guessing/device-tokens.ts';
import { NO_GUESSING } from '../guessing/guessing.ts';
import { createNonces } from '../password-encryption/nonces.ts';
import { createPasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import { createAccessTokens } from '../sessions/access-token.ts';
import { createRefreshCookie } from '../sessions/cookie.ts';
import { createRefreshTokens } from '../sessions/refresh-token.ts';
import { createSessions } from '../sessions/sessions.ts';
import { STEP_NAMES, type StepName } from './decide.ts';
import { createSignInEngine } from './engine.ts';
import { createFlowTokens } from './flow-token.ts';
import { NO_MFA_POLICY } from './index.ts';
import { signInRoutes } from './routes.ts';
import { completeStepBody } from './schemas.ts';
import { defineStep, type Step, type StepFlow } from './step.ts';

const CALLER = { actor: null, ip: '192.0.2.1', userAgent: 'test', requestId: 'r' } as const;
const RIGHT = { id: 'credential-1', signature: 'right' };

/** A step as a passkey needs it: an object, and a choice beside it. */
function madeUpStep() {
  const seen: { input: object; flow: Pick<StepFlow, 'id' | 'keptSessionId'> }[] = [];
  const step = defineStep({
    fields: {
      response: Type.Object({ id: Type.String(), signature: Type.String() }, { additionalProperties: false }),
      recoveryCode: Type.String(),
      trustDevice: Type.Boolean(),
    },
    needs: [['response'], ['recoveryCode']],
    errors: ['code_invalid'],
    view: () => ({ methods: ['passkey', 'recovery'] }),
    options: {
      passkey: {
        about: 'make a challenge',
        answer: Type.Object({ challenge: Type.String() }),
        prepare: async (_caller, _user, { id }) => ({ challenge: `for ${id}`, secret: 'not in its schema' }),
      },
    },
    async complete(_caller, _user, input, { id, keptSessionId }) {
      seen.push({ input, flow: { id, keptSessionId } });
      if (input.response?.signature !== RIGHT.signature) throw platformErrors.not_found();
      return { proofs: [{ method: 'email', at: NOW }] };
    },
  });
  return { step, seen };
}

/** An engine over real stores whose first step is a made-up one, due or not. */
async function engineOf(s: Scene, verifyEmail: boolean) {
  const { storage, keys } = s.app;
  const [clock, keyring] = [() => s.time.now, createKeyring(s.config.secretKeys)];
  const { step, seen } = madeUpStep();
  const sessions = createSessions({
    store: storage.sessions,
    users: storage.users,
    events: createEvents({ clock }),
    accessTokens: createAccessTokens({
      keys: keys.signing,
      issuer: s.config.publicUrl,
      ttl: s.config.tokens.accessTtl,
      isBlind: () => false,
      clock,
    }),
    refreshTokens: createRefreshTokens({ keyring }),
    roleCodesOf: async () => [],
    lastUseOf: () => undefined,
    limits: s.config.tokens,
    clock,
  });
  const engine = createSignInEngine({
    userStore: storage.users,
    sessions,
    guessing: NO_GUESSING,
    flowTokens: createFlowTokens({ keyring, clock }),
    records: { held: async (user) => factorsOf(user, null) },
    mfaPolicyOf: () => NO_MFA_POLICY,
    notifyOfTries: async () => {},
    steps: Object.fromEntries(STEP_NAMES.map((name) => [name, step])) as Record<StepName, Step>,
    policy: { verifyEmail },
    clock,
  });
  const user = makeUser({ status: 'active', emailVerified: false, mustChangePassword: false });
  await storage.users.insert(user, makeEvent(`user:${user.id}`, { userId: user.id, pending: false }));
  const cookie = createRefreshCookie(s.config, () => false);
  const routes = signInRoutes({
    signIn: engine,
    steps: [step],
    waysIn: ['password'],
    sessions,
    cookie,
    devices: createDeviceCookie({ devices: createDeviceTokens({ keyring, clock }), cookie, config: s.config }),
    decryptor: createPasswordDecryptor({
      nonces: createNonces({ keyring, clock }),
      store: storage.nonces,
      keys: keys.encryption,
    }),
  });
  return { engine, user, seen, routes };
}

const refusal = () => platformErrors.unauthenticated();
const byPassword = (s: Scene) => [{ method: 'password', at: s.time.now } as const];
const failed = () => assert.fail('It did not refuse.');

test('what was proved gives its id to the session, and so begins one session', () =>
  withScene(async (s) => {
    const { engine, user } = await engineOf(s, false);
    const id = newId(s.time.now);
    const all = await Promise.allSettled(
      Array.from({ length: 50 }, () => engine.enter(CALLER, { id, user, proofs: byPassword(s), refused: refusal })),
    );
    const won = all.filter((one) => one.status === 'fulfilled');
    assert.deepEqual(
      won.map(({ value }) => value.session.id),
      [id],
    );
    assert.equal((await s.app.storage.sessions.listLatest(user.id, 100)).length, 1);
  }));

test('a session is made fresh by proofs as strong as its own, and keeps nothing of weaker ones', () =>
  withScene(async (s) => {
    const { engine, user } = await engineOf(s, false);
    const { session } = await engine.enter(CALLER, { user, proofs: byPassword(s), refused: refusal });
    const actor = { ...personOf(user.id), sessionId: session.id };
    s.time.forward(MINUTE);
    const again = (method: 'password' | 'email') => engine.reauthenticate(CALLER, actor, [{ method, at: s.time.now }]);
    const { find } = s.app.storage.sessions;
    await assert.rejects(again('email'), { code: 'reauth_required' });
    assert.deepEqual(await find(session.id), session);
    await again('password');
    const { authTime, version } = (await find(session.id)) ?? assert.fail();
    assert.deepEqual([authTime, version], [s.time.now, session.version + 1]);
  }));

test('a step takes an object, says which of its fields it needs, and knows its flow', () =>
  withScene(async (s) => {
    const { engine, user, seen } = await engineOf(s, true);
    const id = newId(s.time.now);
    const asked = engine.enter(CALLER, { id, user, proofs: byPassword(s), refused: refusal });
    const { flowToken } = await asked.then(failed, ({ extras }) => extras.members);
    const faultsOf = (input: object) =>
      engine.completeStep(CALLER, flowToken, { ...input }).then(failed, ({ extras }) => extras.errors);
    const needed: unknown = [{ path: '/response', message: 'This step needs this field.' }];
    assert.deepEqual([await faultsOf({}), await faultsOf({ trustDevice: true })], [needed, needed]);
    // What is another step's is not given to it.
    const input = { response: RIGHT, trustDevice: true };
    const completing = engine.completeStep(CALLER, flowToken, { ...input, code: '123456' });
    await assert.rejects(completing, { code: 'step_required' });
    assert.deepEqual(seen, [{ input, flow: { id, keptSessionId: null } }]);
  }));

test('the routes take and answer what the steps declare, and refuse what they do not', (t) =>
  withScene(async (s) => {
    const { engine, user, seen, routes } = await engineOf(s, true);
    const { app } = await testServer(t, { routes, errors: errorTable });
    const id = newId(s.time.now);
    const asked = engine.enter(CALLER, { id, user, proofs: byPassword(s), refused: refusal });
    const { flowToken } = await asked.then(failed, ({ extras }) => extras.members);
    const post = async (url: string, body: object) => {
      const answer = await app.inject({ method: 'POST', url, payload: { flowToken, ...body } });
      return [answer.statusCode, answer.json()] as const;
    };
    assert.deepEqual(await post('/auth/flow/options', { method: 'passkey' }), [200, { challenge: `for ${id}` }]);
    for (const method of ['email', 'toString', '']) {
      assert.equal((await post('/auth/flow/options', { method }))[0], 400, method);
    }
    const brought = { response: RIGHT, trustDevice: true };
    const [status, problem] = await post('/auth/complete-step', brought);
    assert.deepEqual([status, problem.code], [403, 'step_required'], JSON.stringify(problem));
    assert.deepEqual(seen, [{ input: brought, flow: { id, keptSessionId: null } }]);
    for (const wrong of [{ response: { ...RIGHT, more: 1 } }, { response: 'text' }, { code: '123456' }]) {
      assert.equal((await post('/auth/complete-step', wrong))[0], 400, JSON.stringify(wrong));
    }
    assert.equal(seen.length, 1);
  }));

test('two steps share a name only if they mean the same by it, and none takes a name of the route', () => {
  const code = () => ({ fields: { code: Type.String({ maxLength: 64 }) } });
  assert.deepEqual(Object.keys(completeStepBody([code(), code()]).properties).sort(), [
    'code',
    'flowToken',
    'tokenTransport',
  ]);
  for (const [name, schema] of [
    ['code', Type.Number()],
    ['flowToken', Type.String()],
  ] as const) {
    assert.throws(() => completeStepBody([code(), { fields: { [name]: schema } }]), TypeError);
  }
});
