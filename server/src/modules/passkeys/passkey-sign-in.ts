import type { Caller } from '../../platform/http/caller.ts';
import type { FactorStore } from '../factors/factor-store.ts';
import type { SignedIn } from '../sessions/sessions.ts';
import type { SignInEngine } from '../sign-in/engine.ts';
import type { UserStore } from '../users/user-store.ts';
import type { Challenges } from './challenges.ts';
import { passkeyErrors } from './errors.ts';
import { signInOptions } from './options.ts';
import { readAuthentication } from './responses.ts';
import type { UsePasskey } from './use-passkey.ts';

export interface PasskeySignIn {
  /** Options for the button and for the field alike. Nothing is stored, and nobody is named. */
  begin(): { challengeToken: string; options: object };
  /** Throws `passkey_invalid` (with `signal`, if nobody has the passkey), `passkey_unverified`, `step_required` and `validation_failed`. */
  signIn(caller: Caller, given: { challengeToken: string; response: unknown }): Promise<SignedIn>;
}

/** The sign-in by a passkey alone. */
export function createPasskeySignIn(deps: {
  store: FactorStore;
  userStore: Pick<UserStore, 'find'>;
  challenges: Challenges;
  rp: { rpId: string };
  usePasskey: UsePasskey;
  signIn: SignInEngine;
}): PasskeySignIn {
  const { store, userStore, challenges, rp, usePasskey, signIn } = deps;

  return {
    begin() {
      const { challengeToken, challenge } = challenges.issue({ kind: 'sign_in' });
      return { challengeToken, options: signInOptions(rp.rpId, challenge) };
    },

    async signIn(caller, { challengeToken, response: body }) {
      const response = readAuthentication(body);
      const challenge = challenges.read(challengeToken, { kind: 'sign_in' });
      if (challenge === null) throw passkeyErrors.passkey_invalid();
      const record = await store.findByCredential(response.id);
      const user = record && (await userStore.find(record.userId));
      const isVoid = !user || user.status === 'erased' || record.credentialEpoch < user.credentialEpoch;
      if (isVoid)
        throw passkeyErrors.passkey_invalid({ members: { signal: { rpId: rp.rpId, credentialId: response.id } } });
      const passkey = record.passkeys.find(({ credentialId }) => credentialId === response.id);
      // The handle says whose passkey the browser means: it must be that of the account that has it.
      if (
        !passkey ||
        response.response.userHandle !== record.handle ||
        record.credentialEpoch !== user.credentialEpoch
      ) {
        throw passkeyErrors.passkey_invalid();
      }
      const proof = await usePasskey(caller, { record, passkey, challenge, response });
      if (proof.method !== 'passkey') throw passkeyErrors.passkey_unverified();
      return signIn.enter(caller, {
        id: challenge.id,
        user,
        proofs: [proof],
        refused: () => passkeyErrors.passkey_invalid(),
      });
    },
  };
}
