import { after, type Clock, MINUTE, SECOND } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { CODE_TTL } from '../../platform/crypto/one-time.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { toReturnTo } from '../../platform/http/return-to.ts';
import { newId } from '../../platform/ids.ts';
import type { ChallengeRecord, ChallengeStore } from '../auth/challenge-store.ts';
import { authErrors } from '../auth/errors.ts';
import type { Events } from '../events/events.ts';
import type { HandsOver } from '../factors/hand-over.ts';
import type { AddressBounds, Asker } from '../guessing/address-bounds.ts';
import type { DeviceTokens } from '../guessing/device-tokens.ts';
import type { SignedIn } from '../sessions/sessions.ts';
import type { SignInEngine } from '../sign-in/engine.ts';
import { hintOf, toEmail, toLocale } from '../users/names.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { createClaim } from './claim.ts';
import { emailSignInErrors } from './errors.ts';
import type { EmailFlowTokens } from './flow-tokens.ts';
import { CODE_TRIES, challengeIn, isProofOf, isSignInCode, type SignInProof, signInSecret } from './secrets.ts';

export interface EmailSignInRequest {
  email: string;
  returnTo?: string | undefined;
  locale?: string | undefined;
  /** Of an earlier answer to the same browser: the same code is mailed again. */
  flowToken: string | null;
  /** The tokens of the device; empty if it has none. */
  deviceTokens: string;
}

export interface EmailSignIn {
  /**
   * Requests the mail that signs in, if the bounds of the address allow one; `expiresIn` in seconds. Does the same for every address: who gets
   * which mail is decided later, outside the request. Throws `email_sign_in_off`, `email_invalid`, and `validation_failed` for `returnTo`.
   */
  request(caller: Caller, input: EmailSignInRequest): Promise<{ flowToken: string; expiresIn: number }>;
  /**
   * Signs in with the code or the link of a mail. `returnTo`: the page to go on to. Throws `email_sign_in_off`, `code_invalid` for every
   * reason alike, `link_elsewhere` for a right link without its flow token, `rate_limited`, and `step_required`.
   */
  verify(
    caller: Caller,
    input: { flowToken: string | null; proof: SignInProof; elsewhere?: boolean | undefined; deviceTokens: string },
  ): Promise<{ signedIn: SignedIn; returnTo: string | null }>;
}

/** A code is mailed again while at least this many milliseconds of its life are left; then there is a new one. */
const MAILED_AGAIN_WITH = 5 * MINUTE;

/** Stands for the owner of an address without an account: reading tokens takes the same time. */
const NOBODY = { id: '', passwordVersion: 0 };

/** Creates the use cases of signing in by mail. The session, or the user, takes the challenge's id: its insert uses code and link up. */
export function createEmailSignInUseCases(deps: {
  store: ChallengeStore;
  userStore: UserStore;
  users: Users;
  signIn: SignInEngine;
  bounds: AddressBounds;
  handsOver: HandsOver;
  deviceTokens: DeviceTokens;
  delayRefusal: RefusalDelay;
  flowTokens: EmailFlowTokens;
  events: Events;
  keyring: Keyring;
  config: Config;
  clock: Clock;
}): EmailSignIn {
  const { store, userStore, users, signIn, bounds, handsOver, flowTokens, events, keyring, config, clock } = deps;
  const { delayRefusal } = deps;
  const { mode, elsewhere: onOtherDevices } = config.emailSignIn;
  const refused = authErrors.code_invalid;
  const claim = createClaim(deps);

  function demandOn(): void {
    if (mode === 'off') throw emailSignInErrors.email_sign_in_off();
  }

  /** A device on which the account has signed in is counted apart from strangers. */
  function askerOf({ ip }: Caller, tokens: string, user: UserRecord | null): Asker {
    const device = deps.deviceTokens.read(tokens, user ?? NOBODY);
    return { ip, apart: user && device !== null ? `device ${device}` : null };
  }

  async function find(id: string | null): Promise<ChallengeRecord | null> {
    const challenge = id === null ? null : await store.find(id);
    return challenge?.purpose === 'email_sign_in' && challenge.expiresAt > clock() ? challenge : null;
  }

  /** The challenge with which this browser began, if it can be mailed again. */
  async function begun(flowToken: string | null, like: ChallengeRecord): Promise<ChallengeRecord | null> {
    const known = await find(flowToken === null ? null : flowTokens.read(flowToken));
    if (known?.emailNorm !== like.emailNorm || known.returnTo !== like.returnTo) return null;
    const isYoung = known.expiresAt >= after(like.createdAt, MAILED_AGAIN_WITH);
    return isYoung && known.tries < CODE_TRIES && keyring.has(known.keyId) ? known : null;
  }

  /** Counts a try before it is compared, for the code and for the address. */
  async function isRightCode(
    proof: { code: string },
    challenge: ChallengeRecord,
    { asker, user }: { asker: Asker; user: UserRecord | null },
  ): Promise<boolean> {
    if (!(await store.countTry(challenge.id, CODE_TRIES, clock()))) return false;
    const guess = await bounds.takeSignInGuess(asker, challenge.emailNorm).catch(async (error) => {
      await store.giveBackTry(challenge.id);
      throw error;
    });
    const secret = signInSecret(keyring, challenge, user);
    if (secret === null || !isProofOf(secret, proof)) return false;
    await guess.undo();
    return true;
  }

  /** Creates the account of an address that has none. Its id uses the challenge up. */
  async function register(caller: Caller, { id, email, emailNorm, locale }: ChallengeRecord): Promise<UserRecord> {
    if (config.registration !== 'open') throw refused();
    const user = users.draft(id, { email, emailNorm, emailVerified: true, locale });
    const about = { target: `user:${id}`, userId: id, actorId: id };
    const event = events.describe(caller, { type: 'user.registered', ...about, evicts: true });
    if ((await userStore.insert(user, event)) !== 'ok') throw refused();
    return user;
  }

  async function enter(caller: Caller, challenge: ChallengeRecord, found: UserRecord | null): Promise<SignedIn> {
    // An account that is not active is neither claimed nor let in.
    const user = found ?? (await register(caller, challenge));
    const proved = (await handsOver(user)) ? await claim(caller, user, refused) : user;
    const proofs = [{ method: 'email', at: clock() } as const];
    const signedIn = await signIn.enter(caller, { id: challenge.id, user: proved, proofs, refused });
    // The session has used it up; one that stays after a crash is of no use to anybody.
    await store.remove(challenge.id).catch(() => {});
    return signedIn;
  }

  return {
    async request(caller, { email, returnTo, locale, flowToken, deviceTokens }) {
      demandOn();
      const now = clock();
      const wanted: ChallengeRecord = {
        id: newId(now),
        purpose: 'email_sign_in',
        ...toEmail(email),
        keyId: keyring.currentKeyId,
        tries: 0,
        locale: toLocale(locale),
        returnTo: toReturnTo(returnTo, config),
        expiresAt: after(now, CODE_TTL),
        createdAt: now,
        version: 1,
      };
      const known = await begun(flowToken, wanted);
      // Looked up only for clients that send tokens, and then for every address alike.
      const user = deviceTokens === '' ? null : await userStore.findByEmail(wanted.emailNorm);
      const wait = await bounds.takeSignInMail(askerOf(caller, deviceTokens, user), wanted.emailNorm);
      const challenge = known ?? wanted;
      const target = `challenge:${challenge.id}`;
      const describe = (what: string) =>
        events.describe(caller, { type: `email_sign_in.${what}`, target, actorId: null });
      if (wait === 0 && known) await store.mailAgain(known, describe('code_resent'));
      // A challenge that is not mailed is not stored: its flow token leads nowhere, and looks the same.
      if (wait === 0 && !known) await store.create(challenge, describe('requested'));
      const left = challenge.expiresAt.getTime() - now.getTime();
      return { flowToken: flowTokens.make(challenge.id), expiresIn: Math.ceil(left / SECOND) };
    },

    async verify(caller, { flowToken, proof, elsewhere = false, deviceTokens }) {
      demandOn();
      const flowId = flowToken === null ? null : flowTokens.read(flowToken);
      if ('code' in proof ? !isSignInCode(proof.code) : mode !== 'link') throw refused();
      const challenge = await find('code' in proof ? flowId : challengeIn(proof.token));
      if (!challenge) throw refused();
      return delayRefusal(challenge.emailNorm, async () => {
        const user = await userStore.findByEmail(challenge.emailNorm);
        if ('code' in proof) {
          const asker = askerOf(caller, deviceTokens, user);
          if (!(await isRightCode(proof, challenge, { asker, user }))) throw refused();
        } else {
          const secret = signInSecret(keyring, challenge, user);
          if (secret === null || !isProofOf(secret, proof)) throw refused();
          const confirm = onOtherDevices === 'confirm';
          // Whoever opens the links of a mail, such as a scanner, has not the flow token: nothing is used up.
          if (flowId !== challenge.id && !(elsewhere && confirm)) {
            throw emailSignInErrors.link_elsewhere({ members: { confirm, hint: { email: hintOf(challenge.email) } } });
          }
        }
        return { signedIn: await enter(caller, challenge, user), returnTo: challenge.returnTo };
      });
    },
  };
}
