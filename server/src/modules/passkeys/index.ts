import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Part } from '../../platform/http/part.ts';
import type { Authority } from '../access/authority.ts';
import type { RecordEvent } from '../events/event-recorder.ts';
import type { Events } from '../events/events.ts';
import type { ChangeFactors } from '../factors/change-factors.ts';
import type { FactorStore } from '../factors/factor-store.ts';
import type { MfaDemandOf } from '../factors/own-factors.ts';
import type { FactorRecords } from '../factors/records.ts';
import type { MakeRecoveryCodes } from '../factors/recovery-codes.ts';
import type { DeviceCookie } from '../guessing/device-cookie.ts';
import type { Mails } from '../mails/mails.ts';
import type { NonceStore } from '../password-encryption/nonce-store.ts';
import type { SignInEngine } from '../sign-in/engine.ts';
import type { SecondFactor } from '../sign-in/second-factor.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { createAddPasskey } from './add-passkey.ts';
import { createAdminPasskeys } from './admin-passkeys.ts';
import { passkeyAdminRoutes } from './admin-routes.ts';
import { CHALLENGE_TOKEN_FORM, createChallenges } from './challenges.ts';
import { registerFollowUps } from './follow-ups.ts';
import * as passkeyMails from './mails.ts';
import { createOwnPasskeys } from './own-passkeys.ts';
import { createPasskeyFactor } from './passkey-factor.ts';
import { createPasskeySignIn } from './passkey-sign-in.ts';
import { createProvePasskey } from './prove-passkey.ts';
import { passkeyRoutes } from './routes.ts';
import { createUsePasskey } from './use-passkey.ts';
import { wellKnownRoutes } from './well-known-routes.ts';

/** What the routes need that only exists once the sign-in does. */
interface RouteDeps {
  users: Users;
  signIn: SignInEngine;
  devices: DeviceCookie;
  mfaPolicyOf: MfaDemandOf;
  getUser: (id: string) => Promise<UserRecord>;
  authority: Pick<Authority, 'demandOver'>;
}

export interface PasskeyModule {
  /** For the sign-in. */
  factor: SecondFactor;
  createRoutes(more: RouteDeps): Part;
  /** Warns if there are passkeys of another relying party, which nobody can use. */
  reportLost(): Promise<void>;
}

/**
 * Passkeys (WebAuthn Level 3), in two halves, because the sign-in needs the one and the other needs the sign-in:
 * `const passkeys = createPasskeys({ ...base, ...factors, rp: config.passkeys, … })`; later `passkeys.createRoutes({ … })`.
 */
export function createPasskeys(deps: {
  rp: NonNullable<Config['passkeys']>;
  store: FactorStore;
  userStore: UserStore;
  nonceStore: NonceStore;
  records: FactorRecords;
  changeFactors: ChangeFactors;
  makeRecoveryCodes: MakeRecoveryCodes;
  recordEvent: RecordEvent;
  events: Events;
  keyring: Keyring;
  mails: Mails;
  config: Pick<Config, 'publicUrl' | 'pagesUrl'>;
  clock: Clock;
  log: Logger;
}): PasskeyModule {
  const { rp, config, store, log } = deps;
  const challenges = createChallenges(deps);
  const usePasskey = createUsePasskey(deps);
  const common = { ...deps, challenges, usePasskey };
  const addPasskey = createAddPasskey(common);
  const provePasskey = createProvePasskey(common);
  deps.mails.add(passkeyMails, null);
  registerFollowUps(deps);

  return {
    factor: createPasskeyFactor({ ...deps, addPasskey, provePasskey }),

    async reportLost() {
      if ((await store.countPasskeysOfOthers(rp.rpId, 1)) === 0) return;
      log.warn(
        `there are passkeys that were made for another PASSKEY_RP_ID than ${rp.rpId}: nobody can use them. ostiary doctor counts them.`,
      );
    },

    createRoutes(more) {
      const passkeySignIn = createPasskeySignIn({ ...common, ...more });
      const own = createOwnPasskeys({ ...deps, ...more, addPasskey });
      const passkeys = createAdminPasskeys({ ...deps, ...more });
      // Of this server's own pages none is for it.
      const page = config.pagesUrl === config.publicUrl ? null : `${config.pagesUrl}/account/passkeys`;
      return {
        routes: [passkeyRoutes({ ...more, passkeySignIn, own, provePasskey, rp }), passkeyAdminRoutes({ passkeys })],
        pages: [wellKnownRoutes({ origins: rp.origins, page })],
        tokens: [CHALLENGE_TOKEN_FORM],
      };
    },
  };
}
