import type { Caller } from '../../platform/http/caller.ts';
import type { FactorStore } from '../factors/factor-store.ts';
import { factorsOf } from '../factors/names.ts';
import type { NonceStore } from '../password-encryption/nonce-store.ts';
import type { Proof } from '../sessions/session-store.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { Challenges } from './challenges.ts';
import { passkeyErrors } from './errors.ts';
import { proofOptions } from './options.ts';
import { readAuthentication } from './responses.ts';
import type { UsePasskey } from './use-passkey.ts';

export interface ProvePasskey {
  /** Options with the passkeys of this person. `boundTo`: the session or flow that the proof is for. */
  begin(user: UserRecord, boundTo: string): Promise<{ challengeToken: string; options: object }>;
  /** Verifies the answer to those options, once. Throws `passkey_invalid` and `validation_failed`. */
  prove(
    caller: Caller,
    user: UserRecord,
    given: { challengeToken: string; response: unknown; boundTo: string },
  ): Promise<Proof>;
}

/** The proof of a person who is known already: in a step of a sign-in, or again within a session. */
export function createProvePasskey(deps: {
  store: FactorStore;
  nonceStore: NonceStore;
  challenges: Challenges;
  rp: { rpId: string };
  usePasskey: UsePasskey;
}): ProvePasskey {
  const { store, nonceStore, challenges, rp, usePasskey } = deps;

  return {
    async begin(user, boundTo) {
      const { passkeys } = factorsOf(user, await store.find(user.id));
      const { challengeToken, challenge } = challenges.issue({ kind: 'proof', userId: user.id, boundTo });
      return { challengeToken, options: proofOptions(rp.rpId, challenge, passkeys) };
    },

    async prove(caller, user, { challengeToken, response: body, boundTo }) {
      const response = readAuthentication(body);
      const challenge = challenges.read(challengeToken, { kind: 'proof', userId: user.id, boundTo });
      const record = challenge && (await store.find(user.id));
      const passkey = factorsOf(user, record).passkeys.find(({ credentialId }) => credentialId === response.id);
      const { userHandle } = response.response;
      // Only keys that hold no account leave the handle out.
      if (!record || !passkey || (userHandle !== null && userHandle !== record.handle))
        throw passkeyErrors.passkey_invalid();
      const proof = await usePasskey(caller, { record, passkey, challenge, response });
      // No session begins that would use the challenge up: without this, one answer would make a session fresh again and again.
      const id = challenge.id.replaceAll('-', '');
      if (!(await nonceStore.use({ id, expiresAt: challenge.expiresAt }))) throw passkeyErrors.passkey_invalid();
      return proof;
    },
  };
}
