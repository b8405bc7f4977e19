import type { Clock } from '../../platform/clock.ts';
import {
  type Assertion,
  type AuthenticationJson,
  verifyAuthentication,
  WebAuthnInvalid,
} from '../../platform/crypto/webauthn/webauthn.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { describeDevice, parseDevice } from '../../platform/http/device.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { RecordEvent } from '../events/event-recorder.ts';
import type { FactorStore, FactorsRecord, PasskeyRecord } from '../factors/factor-store.ts';
import type { Proof } from '../sessions/session-store.ts';
import type { Challenge } from './challenges.ts';
import { passkeyErrors } from './errors.ts';

/** Verifies an assertion by a passkey of this record, and counts it. Throws `passkey_invalid`. */
export type UsePasskey = (
  caller: Caller,
  given: { record: FactorsRecord; passkey: PasskeyRecord; challenge: Challenge; response: AuthenticationJson },
) => Promise<Proof>;

/**
 * The counter of an authenticator only rises; one that does not belongs to a copy of the key, or to an assertion that was sent before
 * (WebAuthn, 7.2). Synced passkeys do not count, and stay at 0.
 */
const rises = (from: number, to: number): boolean => to > from || (to === 0 && from === 0);

export function createUsePasskey(deps: {
  store: FactorStore;
  rp: { rpId: string; origins: readonly string[] };
  recordEvent: RecordEvent;
  clock: Clock;
}): UsePasskey {
  const { store, rp, recordEvent, clock } = deps;

  function verify(passkey: PasskeyRecord, challenge: Challenge, response: AuthenticationJson): Assertion {
    const backupEligible = passkey.deviceType === 'multiDevice';
    try {
      return verifyAuthentication(response, { ...rp, challenge: challenge.challenge }, { ...passkey, backupEligible });
    } catch (error) {
      if (!(error instanceof WebAuthnInvalid)) throw error;
      throw passkeyErrors.passkey_invalid({ cause: error });
    }
  }

  /** An assertion that is sent twice has the counter of the first time, and a challenge from before it: nobody need be told. */
  async function tellOfCopy(caller: Caller, userId: string, passkey: PasskeyRecord, challenge: Challenge, to: number) {
    const { id, name, counter, lastUsedAt } = passkey;
    const isSentTwice = to === counter && lastUsedAt !== null && challenge.issuedAt <= lastUsedAt;
    if (isSentTwice) return;
    const target = `passkey:${id}`;
    await recordEvent(caller, { type: 'passkey.suspected', target, userId, actorId: null, data: { name } });
  }

  return async (caller, { record, passkey, challenge, response }) => {
    const { userId } = record;
    const { userVerified, backedUp, counter: to } = verify(passkey, challenge, response);
    const device = describeDevice(parseDevice(caller.userAgent));
    await untilWon(async (lost) => {
      const current = lost === 0 ? passkey : await again(userId, passkey.id);
      const { counter: from } = current;
      if (!rises(from, to)) {
        await tellOfCopy(caller, userId, current, challenge, to);
        throw passkeyErrors.passkey_invalid();
      }
      return (await store.usePasskey(userId, passkey.id, { from, to, backedUp, device, now: clock() })) || null;
    });
    return { method: userVerified ? 'passkey' : 'passkey_presence', at: clock() };
  };

  async function again(userId: string, passkeyId: string): Promise<PasskeyRecord> {
    const passkey = (await store.find(userId))?.passkeys.find(({ id }) => id === passkeyId);
    if (!passkey) throw passkeyErrors.passkey_invalid();
    return passkey;
  }
}
