import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import type { Part } from '../../platform/http/part.ts';
import type { ChallengeStore } from '../auth/challenge-store.ts';
import type { Events } from '../events/events.ts';
import type { HandsOver } from '../factors/hand-over.ts';
import type { AddressBounds } from '../guessing/address-bounds.ts';
import type { DeviceCookie } from '../guessing/device-cookie.ts';
import type { DeviceTokens } from '../guessing/device-tokens.ts';
import type { Mails } from '../mails/mails.ts';
import type { SignInEngine } from '../sign-in/engine.ts';
import type { UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { createEmailSignInUseCases } from './email-sign-in.ts';
import { createEmailFlowCookie, createEmailFlowTokens, EMAIL_FLOW_TOKEN_FORM } from './flow-tokens.ts';
import * as mails from './mails.ts';
import { linkPageRoutes } from './page.ts';
import { emailSignInRoutes } from './routes.ts';

/** Signing in by a mailed code or link: `createEmailSignIn({ ...base, ...people, store: storage.challenges, signIn, bounds, delayRefusal })`. */
export function createEmailSignIn(deps: {
  store: ChallengeStore;
  userStore: UserStore;
  users: Users;
  signIn: SignInEngine;
  bounds: AddressBounds;
  handsOver: HandsOver;
  devices: DeviceCookie;
  deviceTokens: DeviceTokens;
  delayRefusal: RefusalDelay;
  events: Events;
  keyring: Keyring;
  mails: Mails;
  config: Config;
  clock: Clock;
}): Part {
  const { store, userStore, keyring, config, clock } = deps;
  const flowTokens = createEmailFlowTokens(deps);
  const emailSignIn = createEmailSignInUseCases({ ...deps, flowTokens });
  const { signInCode, accountClaimed } = mails;
  deps.mails.add({ signInCode, accountClaimed }, { store, userStore, keyring, config, clock });
  const flowCookie = createEmailFlowCookie(config);
  return {
    routes: [emailSignInRoutes({ ...deps, emailSignIn, flowCookie })],
    pages: [linkPageRoutes()],
    tokens: [EMAIL_FLOW_TOKEN_FORM],
  };
}
