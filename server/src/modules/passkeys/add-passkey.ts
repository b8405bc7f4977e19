import type { Clock } from '../../platform/clock.ts';
import {
  type RegisteredCredential,
  verifyRegistration,
  WebAuthnInvalid,
} from '../../platform/crypto/webauthn/webauthn.ts';
import { platformErrors } from '../../platform/errors.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { describeDevice, parseDevice } from '../../platform/http/device.ts';
import { newId } from '../../platform/ids.ts';
import { isLine, trimText } from '../../platform/typed-text.ts';
import type { ChangeFactors } from '../factors/change-factors.ts';
import { factorErrors } from '../factors/errors.ts';
import type { FactorStore, FactorsRecord, PasskeyRecord } from '../factors/factor-store.ts';
import type { Factors } from '../factors/names.ts';
import type { FactorRecords } from '../factors/records.ts';
import type { MakeRecoveryCodes } from '../factors/recovery-codes.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { Challenge, Challenges } from './challenges.ts';
import { passkeyErrors } from './errors.ts';
import { creationOptions, type PasskeyKind } from './options.ts';
import { providerOf } from './providers.ts';
import { readRegistration } from './responses.ts';

const MOST_PASSKEYS = 20;

/** What a new passkey is bound to. */
export interface AddedPasskey {
  passkey: PasskeyRecord;
  /** Of the user after it. */
  record: FactorsRecord;
  userVerified: boolean;
  /** With the first factor. */
  recoveryCodes?: string[];
}

export interface AddPasskey {
  /** Options for a new passkey; `boundTo`: the session or flow that can add it. `silent`: the browser does it without asking. */
  begin(
    user: UserRecord,
    boundTo: string,
    wish?: { kind?: PasskeyKind; silent?: boolean },
  ): Promise<{ challengeToken: string; options: object }>;
  /**
   * Stores the passkey. `demand`: throws on factors with which it may not be added. Throws `passkey_refused`, `passkey_exists`,
   * `factor_limit` and `validation_failed`.
   */
  add(
    caller: Caller,
    user: UserRecord,
    given: { challengeToken: string; response: unknown; name?: string | undefined; boundTo: string },
    demand: (factors: Factors) => void,
  ): Promise<AddedPasskey>;
}

export function createAddPasskey(deps: {
  store: FactorStore;
  records: FactorRecords;
  changeFactors: ChangeFactors;
  makeRecoveryCodes: MakeRecoveryCodes;
  challenges: Challenges;
  rp: { rpId: string; origins: readonly string[] };
  clock: Clock;
}): AddPasskey {
  const { store, records, changeFactors, makeRecoveryCodes, challenges, rp, clock } = deps;

  /** The challenge of a token for this person, and whether it was for a silent registration. */
  function read(token: string, userId: string, boundTo: string): { challenge: Challenge; silent: boolean } {
    for (const silent of [false, true]) {
      const challenge = challenges.read(token, { kind: silent ? 'silent' : 'registration', userId, boundTo });
      if (challenge) return { challenge, silent };
    }
    throw passkeyErrors.passkey_refused();
  }

  function verify(
    json: Parameters<typeof verifyRegistration>[0],
    challenge: string,
    silent: boolean,
  ): RegisteredCredential {
    try {
      return verifyRegistration(json, { ...rp, challenge, presence: !silent });
    } catch (error) {
      if (!(error instanceof WebAuthnInvalid)) throw error;
      throw passkeyErrors.passkey_refused({ cause: error });
    }
  }

  return {
    async begin(user, boundTo, { kind = 'any', silent = false } = {}) {
      const record = await records.current(user);
      if (record.passkeys.length >= MOST_PASSKEYS) throw factorErrors.factor_limit();
      const ceremony = { kind: silent ? 'silent' : 'registration', userId: user.id, boundTo } as const;
      const { challengeToken, challenge } = challenges.issue(ceremony);
      return { challengeToken, options: creationOptions(rp.rpId, challenge, { user, record, kind }) };
    },

    async add(caller, user, { challengeToken, response, name: typed, boundTo }, demand) {
      const { json, transports } = readRegistration(response);
      const { challenge, silent } = read(challengeToken, user.id, boundTo);
      const { backupEligible, userVerified, ...credential } = verify(json, challenge.challenge, silent);
      const passkey: PasskeyRecord = {
        ...credential,
        id: newId(clock()),
        rpId: rp.rpId,
        name: nameOf(typed) ?? providerOf(credential.aaguid) ?? describeDevice(parseDevice(caller.userAgent)),
        deviceType: backupEligible ? 'multiDevice' : 'singleDevice',
        silent,
        transports,
        createdAt: clock(),
        lastUsedAt: null,
        lastDevice: null,
      };
      return changeFactors(caller, user.id, async (record, describe) => {
        demand(record);
        if (record.passkeys.length >= MOST_PASSKEYS) throw factorErrors.factor_limit();
        // One that nobody asked for changes nothing for its owner: neither what a sign-in asks for, nor the browsers that are trusted.
        const made = silent || record.recovery !== null ? null : makeRecoveryCodes(clock());
        const along = silent ? {} : { trusted: [], ...(made && { recovery: made.recovery }) };
        const data = { factorId: passkey.id, name: passkey.name, ...(silent && { silent }) };
        const outcome = await store.addPasskey(record, passkey, along, describe('factors.passkey_added', data));
        if (outcome === 'taken') throw passkeyErrors.passkey_exists();
        const after = { ...record, passkeys: [...record.passkeys, passkey] };
        return [outcome, { passkey, record: after, userVerified, ...(made && { recoveryCodes: made.codes }) }];
      });
    },
  };
}

/** A name as typed; null: none. Throws `validation_failed`. */
export function nameOf(typed: string | undefined): string | null {
  const name = trimText(typed ?? '');
  if (name === null || isLine(name)) return name;
  const fault = { path: '/name', message: 'Use one line of visible characters.' };
  throw platformErrors.validation_failed({ errors: [fault] });
}
