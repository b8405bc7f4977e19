import type { Clock } from '../../platform/clock.ts';
import type { KeyedHash } from '../../platform/crypto/keyed-hash.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import type { Guessing } from '../guessing/guessing.ts';
import { passwordFingerprint } from '../guessing/names.ts';
import type { Solution } from '../guessing/proof-of-work.ts';
import type { SignedIn } from '../sessions/sessions.ts';
import type { SignInEngine } from '../sign-in/engine.ts';
import type { BroughtAgain, Reauthentication } from '../sign-in/reauthenticate.ts';
import { loginKey } from '../users/names.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { authErrors } from './errors.ts';
import { provePassword } from './prove-password.ts';

export interface LoginInput {
  login: string;
  password: string;
  /** The device tokens of earlier sign-ins; empty if there are none. */
  deviceTokens: string;
  proof?: Solution | undefined;
}

export interface PasswordSignIn {
  /** Signs in. Throws `invalid_credentials` for every reason alike, `step_required`, `rate_limited` or `proof_required`. */
  login(caller: Caller, input: LoginInput): Promise<SignedIn>;
  /**
   * Proves the password, second factors or both again within a session; `expiresIn` in seconds. Throws `reauth_required` if they are not
   * enough, `invalid_credentials`, `code_invalid`, `rate_limited`, and `step_required` if the session needs a step first.
   */
  reauthenticate(
    caller: Caller,
    actor: SessionActor,
    brought: { password: string | undefined; input: BroughtAgain['input'] },
  ): Promise<{ accessToken: string; expiresIn: number }>;
}

/** Creates the use cases that prove a password: the sign-in, and the proof within a session. */
export function createPasswordSignIn(deps: {
  userStore: UserStore;
  users: Users;
  signIn: SignInEngine;
  reauthentication: Reauthentication;
  guessing: Guessing;
  hasher: PasswordHasher;
  keyedHash: KeyedHash;
  delayRefusal: RefusalDelay;
  clock: Clock;
  log: Logger;
}): PasswordSignIn {
  const { userStore, users, signIn, reauthentication, guessing, hasher, keyedHash, delayRefusal, clock, log } = deps;

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

  return {
    login(caller, { login, password, deviceTokens, proof }) {
      const key = loginKey(login);
      return delayRefusal(key, async () => {
        const user = await users.findByLogin(login);
        const fingerprint = passwordFingerprint(keyedHash, password);
        const loginKeys = [user?.email, user?.username].filter((name) => typeof name === 'string').map(loginKey);
        const signInAttempt = { loginKey: key, loginKeys, user, fingerprint, deviceTokens, proof };
        const attempt = await guessing.admit(caller, signInAttempt);
        // Also for unknown users: neither the time nor the answer may reveal whether the account exists.
        const verdict = await provePassword(attempt, hasher, password, user?.status === 'active' ? user : null);
        if (!user) throw authErrors.invalid_credentials();
        if (verdict.upgrade) await upgrade(user, password);
        const proofs = [{ method: 'password', at: clock() } as const];
        // Together, so that both wait for the disk once.
        const passing = attempt.passed();
        const entering = signIn.enter(caller, { user, proofs, refused: authErrors.invalid_credentials });
        const [signedIn] = await Promise.all([entering, passing]).catch(async (error: { code?: unknown }) => {
          if (error.code === 'step_required') await passing.then(attempt.waits);
          throw error;
        });
        return signedIn;
      });
    },

    reauthenticate(caller, actor, { password, input }) {
      async function prove(user: UserRecord, given: string) {
        const attempt = await guessing.admitSession(actor);
        await provePassword(attempt, hasher, given, user);
        await attempt.passed();
        return { method: 'password', at: clock() } as const;
      }
      const byPassword = password === undefined ? null : (user: UserRecord) => prove(user, password);
      return reauthentication.prove(caller, actor, { password: byPassword, input });
    },
  };
}
