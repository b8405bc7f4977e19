import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import { type AppError, platformErrors } from '../../platform/errors.ts';
import type { Actor, Caller } from '../../platform/http/caller.ts';
import type { Events } from '../events/events.ts';
import type { Guessing } from '../guessing/guessing.ts';
import type { Solution } from '../guessing/proof-of-work.ts';
import type { Sessions, SignedIn } from '../sessions/sessions.ts';
import { loginKey } from '../users/names.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { authErrors } from './errors.ts';
import type { FlowTokens, Step } from './flow-token.ts';
import type { PasswordPolicy } from './password-policy.ts';
import { provePassword } from './prove-password.ts';

export interface LoginInput {
  login: string;
  password: string;
  /** What the device keeps from earlier sign-ins. */
  deviceTokens: string;
  proof?: Solution | undefined;
}

export interface SignIn {
  /** Throws `invalid_credentials`, alike for every reason, `step_required`, `rate_limited`, or `proof_required`. */
  login(caller: Caller, input: LoginInput): Promise<SignedIn>;
  /** Proves the password again within a session. Throws `invalid_credentials`. */
  reauthenticate(caller: Caller, actor: Actor, password: string): Promise<{ accessToken: string; expiresIn: number }>;
  /** Finishes a sign-in that waits for a step. Throws `token_invalid`, `code_invalid`, `password_…`, `step_required` for a further step. */
  completeStep(caller: Caller, input: { flowToken: string; newPassword?: string; code?: string }): Promise<SignedIn>;
}

/** Proofs of who somebody is by their password, and the steps that may follow. */
export function createSignIn(deps: {
  userStore: UserStore;
  users: Users;
  sessions: Sessions;
  guessing: Guessing;
  events: Events;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  flowTokens: FlowTokens;
  delayRefusal: RefusalDelay;
  config: Config;
  clock: Clock;
  log: Logger;
}): SignIn {
  const { userStore, users, sessions, guessing, events, hasher, policy, flowTokens, delayRefusal, config, clock, log } =
    deps;

  function stepFor(user: UserRecord): Step | null {
    if (user.mustChangePassword) return 'change_password';
    if (!user.emailVerified && config.emailVerification === 'required') return 'verify_email';
    return null;
  }

  async function begin(caller: Caller, user: UserRecord, amr: string[]): Promise<SignedIn> {
    const step = stepFor(user);
    if (!step) return sessions.start(caller, user, { amr });
    if (step === 'verify_email') await mailCode(caller, user);
    throw authErrors.step_required({ members: { step, flowToken: flowTokens.issue(user, step) } });
  }

  /** Unless a code for this address is under way already. */
  async function mailCode(caller: Caller, user: UserRecord): Promise<void> {
    const { emailChange: waiting, email, emailNorm, id } = user;
    if (!email || (waiting && waiting.emailNorm === emailNorm && waiting.expiresAt > clock())) return;
    await users.beginEmailChange(caller, id, email);
  }

  async function upgrade(user: UserRecord, password: string): Promise<void> {
    const from = user.passwordHash;
    if (from === null) return;
    try {
      await userStore.upgradeHash(user.id, from, await hasher.hash(password));
    } catch (error) {
      // The next sign-in tries again.
      log.info({ err: error, userId: user.id }, 'a password hash could not be upgraded');
    }
  }

  async function changePassword(caller: Caller, userId: string, passwordVersion: number, newPassword: string) {
    const user = await userStore.find(userId);
    if (user?.passwordVersion !== passwordVersion) throw authErrors.token_invalid();
    await policy.check(newPassword, user);
    if ((await hasher.verify(newPassword, user.passwordHash)).ok) throw authErrors.password_unchanged();
    const hash = await hasher.hash(newPassword);
    let sessionEpoch = user.sessionEpoch;
    const changed = await users.change(
      userId,
      (now) => {
        if (now.passwordVersion !== passwordVersion) throw authErrors.token_invalid();
        sessionEpoch = now.sessionEpoch + 1;
        const target = { target: `user:${userId}`, userId, actorId: userId };
        const event = events.describe(caller, {
          type: 'user.password_changed',
          ...target,
          data: { forced: true },
          evicts: true,
        });
        return userStore.setPassword(
          { id: userId, version: now.version, now: clock() },
          {
            hash,
            passwordVersion: passwordVersion + 1,
            mustChangePassword: false,
            sessionEpoch,
            keptSessionId: null,
          },
          event,
        );
      },
      authErrors.token_invalid,
    );
    // The epoch that this very change began: what ended all sessions after it must end the one that follows, too.
    return { ...changed, sessionEpoch };
  }

  return {
    login(caller, { login, password, deviceTokens, proof }) {
      const key = loginKey(login);
      return delayRefusal(key, async () => {
        const user = await users.findByLogin(login);
        const attempt = await guessing.admit(caller, { loginKey: key, user, password, deviceTokens, proof });
        // Always paid, also for unknown users: neither time nor answer tells whether there is such an account.
        const verdict = await provePassword(attempt, hasher, password, user?.status === 'active' ? user : null);
        if (!user) throw authErrors.invalid_credentials();
        if (verdict.upgrade) await upgrade(user, password);
        return begin(caller, user, ['pwd']);
      });
    },

    async reauthenticate(caller, actor, password) {
      const user = await users.me(actor);
      await provePassword(await guessing.admitSession(actor), hasher, password, user);
      return sessions.reauthenticate(caller, actor);
    },

    async completeStep(caller, { flowToken, newPassword, code }) {
      const flow = flowTokens.open(flowToken);
      if (!flow) throw authErrors.token_invalid();
      if (flow.step === 'change_password') {
        if (newPassword === undefined) throw missing('newPassword');
        return begin(caller, await changePassword(caller, flow.userId, flow.passwordVersion, newPassword), ['pwd']);
      }
      if (code === undefined) throw missing('code');
      const proved = await userStore.find(flow.userId);
      if (proved?.passwordVersion !== flow.passwordVersion) throw authErrors.token_invalid();
      const user = await users.confirmEmailChange(caller, flow.userId, code, authErrors.code_invalid);
      // The epoch of the password that was proved: a reset meanwhile ends the session that follows.
      return begin(caller, { ...user, sessionEpoch: proved.sessionEpoch }, ['pwd', 'otp']);
    },
  };
}

function missing(path: string): AppError {
  return platformErrors.validation_failed({ errors: [{ path, message: 'is needed for this step' }] });
}
