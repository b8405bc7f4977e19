import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { errorTable } from '../src/errors.ts';
import { createEvents } from '../src/modules/events/events.ts';
import { createFactors } from '../src/modules/factors/index.ts';
import { createDeviceCookie } from '../src/modules/guessing/device-cookie.ts';
import { createDeviceTokens } from '../src/modules/guessing/device-tokens.ts';
import { NO_GUESSING } from '../src/modules/guessing/guessing.ts';
import { createTrustCookie } from '../src/modules/mfa/trust-cookie.ts';
import { createTrustedDevices } from '../src/modules/mfa/trusted-devices.ts';
import { createPasskeys } from '../src/modules/passkeys/index.ts';
import { createNonces } from '../src/modules/password-encryption/nonces.ts';
import { createPasswordDecryptor } from '../src/modules/password-encryption/password-decryptor.ts';
import { createAccessTokens } from '../src/modules/sessions/access-token.ts';
import { createRefreshCookie } from '../src/modules/sessions/cookie.ts';
import { createRefreshTokens } from '../src/modules/sessions/refresh-token.ts';
import type { Proof } from '../src/modules/sessions/session-store.ts';
import { createSessions } from '../src/modules/sessions/sessions.ts';
import type { MfaPolicy } from '../src/modules/sign-in/decide.ts';
import { createSignIn, NO_MFA_POLICY } from '../src/modules/sign-in/index.ts';
import type { UserRecord } from '../src/modules/users/user-store.ts';
import type { Users } from '../src/modules/users/users.ts';
import { DAY } from '../src/platform/clock.ts';
import { createKeyring } from '../src/platform/crypto/keyring.ts';
import { platformErrors } from '../src/platform/errors.ts';
import { testServer } from '../src/platform/http/http.testing.ts';
import { createLog } from '../src/platform/telemetry/log.ts';
import { makeEvent, makeUser } from './fixtures.ts';
import type { Scene } from './scenario.ts';

const CALLER = { actor: null, ip: '192.0.2.1', userAgent: 'test', requestId: 'r' } as const;

/** The sign-in with its real steps, stores and routes, under a policy that the test sets as it goes. */
export async function openSignInLab(t: TestContext, s: Scene, { withPasskeys = false } = {}) {
  const { storage, keys } = s.app;
  const [clock, keyring] = [() => s.time.now, createKeyring(s.config.secretKeys)];
  const events = createEvents({ clock });
  const log = createLog({ ...s.config.log, level: 'silent' });
  const policy: MfaPolicy = { ...NO_MFA_POLICY };
  const ground = {
    events,
    keyring,
    clock,
    log,
    config: s.config,
    userStore: storage.users,
    eventStore: storage.events,
  };
  const factors = createFactors({ ...ground, store: storage.factors, periodic() {}, mails: { add() {} } });
  const { factor: passkey } = createPasskeys({
    ...ground,
    ...factors,
    rp: s.config.passkeys ?? assert.fail(),
    store: storage.factors,
    nonceStore: storage.nonces,
    recordEvent: async () => {},
    mails: { add() {} },
  });
  const secondFactors = withPasskeys ? ([...factors.secondFactors, passkey] as const) : factors.secondFactors;
  const sessions = createSessions({
    ...ground,
    store: storage.sessions,
    users: storage.users,
    accessTokens: createAccessTokens({
      keys: keys.signing,
      issuer: s.config.publicUrl,
      ttl: s.config.tokens.accessTtl,
      isBlind: () => false,
      clock,
    }),
    refreshTokens: createRefreshTokens({ keyring }),
    roleCodesOf: async () => [],
    roleCodesFor: async () => [],
    lastUseOf: () => undefined,
    limits: s.config.tokens,
  });
  const trustCookie = createTrustCookie(s);
  const cookie = createRefreshCookie(s.config, () => false);
  const decryptor = createPasswordDecryptor({
    nonces: createNonces({ keyring, clock }),
    store: storage.nonces,
    keys: keys.encryption,
  });
  const { signIn, part } = createSignIn({
    ...ground,
    ...factors,
    secondFactors,
    sessions,
    mfaPolicyOf: () => policy,
    trustedDevices: createTrustedDevices({
      ...ground,
      ...factors,
      store: storage.factors,
      cookie: trustCookie,
      ttl: DAY,
    }),
    trustCookie,
    stopReset: async () => {},
    waysIn: ['password'],
    guessing: NO_GUESSING,
    cookie,
    devices: createDeviceCookie({ devices: createDeviceTokens({ keyring, clock }), cookie, config: s.config }),
    decryptor,
    verifyEmail: true,
    // Everybody here has a verified address and a password of their own choice.
    users: {} as Users,
    newPasswords: { set: () => assert.fail() },
  });
  const { app } = await testServer(t, { routes: part.routes?.[0] ?? assert.fail(), errors: errorTable });

  return {
    policy,
    factors,
    async newUser(): Promise<UserRecord> {
      const user = makeUser({
        status: 'active',
        emailVerified: true,
        mustChangePassword: false,
        superadminMark: false,
      });
      const event = makeEvent(`user:${user.id}`, { userId: user.id, pending: false });
      assert.equal(await storage.users.insert(user, event), 'ok');
      return user;
    },
    /** A first factor, as a way in gives it to the engine: a session, or the problem. */
    async enter(user: UserRecord, methods: readonly Proof['method'][] = ['password']) {
      const proofs = methods.map((method) => ({ method, at: s.time.now }));
      return signIn
        .enter(CALLER, { user, proofs, refused: platformErrors.unauthenticated })
        .then(({ session }) => ({ session, problem: null }))
        .catch((error: { code: string; extras: { members?: Step } }) => {
          return { session: null, problem: { code: error.code, ...error.extras.members } };
        });
    },
    refresh: (refreshToken: string) => app.inject({ method: 'POST', url: '/auth/refresh', payload: { refreshToken } }),
    async post(path: string, body: object) {
      const answer = await app.inject({ method: 'POST', url: path, payload: body });
      return { status: answer.statusCode, body: answer.json() };
    },
    sessionOf: (id: string) => storage.sessions.find(id),
  };
}

export interface Step {
  step: string;
  flowToken: string;
  methods: string[];
  later?: boolean;
}

export type SignInLab = Awaited<ReturnType<typeof openSignInLab>>;
