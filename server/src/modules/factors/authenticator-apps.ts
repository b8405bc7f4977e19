import { after, type Clock, MINUTE } from '../../platform/clock.ts';
import { platformErrors } from '../../platform/errors.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { newId } from '../../platform/ids.ts';
import { isLine, trimText } from '../../platform/typed-text.ts';
import { authErrors } from '../auth/errors.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { ChangeFactors } from './change-factors.ts';
import { factorErrors } from './errors.ts';
import type { FactorStore, TotpRecord } from './factor-store.ts';
import { demandAsStrong, type Factors, holdsSecondFactor } from './names.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import { newTotpSecret, stepsOfCode, toBase32, totpUri } from './totp.ts';
import type { TotpSeals } from './totp-seals.ts';

const MOST_APPS = 5;
/** Milliseconds from the secret to its first code. */
const ENROLMENT_TTL = 10 * MINUTE;
const DEFAULT_NAME = 'Authenticator app';

/** What the person puts into the app. */
export interface BegunEnrolment {
  enrollToken: string;
  /** Base 32, to type. */
  secret: string;
  /** `otpauth:`, for a QR code. */
  uri: string;
}

export interface AuthenticatorApps {
  /** Makes a secret; nothing is stored yet. `boundTo`: the session or flow that can confirm it. Throws `validation_failed`. */
  begin(user: UserRecord, boundTo: string, name?: string): BegunEnrolment;
  /**
   * Stores the app after its first code, and makes recovery codes if there are none. `demand`: throws on factors with which it may not be
   * added. Throws `token_invalid`, `code_invalid`, `factor_limit`.
   */
  confirm(
    caller: Caller,
    userId: string,
    given: { enrollToken: string; code: string; boundTo: string },
    demand: (factors: Factors) => void,
  ): Promise<{ totp: TotpRecord; recoveryCodes?: string[] }>;
  /** `mustHave`: whether a policy demands a second factor. Throws `factor_not_found`, `last_factor`, `reauth_required`. */
  remove(caller: Caller, actor: SessionActor, id: string, mustHave: boolean): Promise<void>;
  /** Uses up the code of one of the apps. Throws `code_invalid`. */
  prove(userId: string, apps: readonly TotpRecord[], code: string): Promise<void>;
}

/** `issuer`: what apps call this server. */
export function createAuthenticatorApps(deps: {
  store: FactorStore;
  change: ChangeFactors;
  seals: TotpSeals;
  issuer: string;
  clock: Clock;
}): AuthenticatorApps {
  const { store, change, seals, issuer, clock } = deps;

  return {
    begin({ id: userId, email, username, credentialEpoch }, boundTo, typed) {
      const name = trimText(typed ?? '') ?? DEFAULT_NAME;
      if (!isLine(name)) {
        const fault = { path: '/name', message: 'Use one line of visible characters.' };
        throw platformErrors.validation_failed({ errors: [fault] });
      }
      const secret = newTotpSecret();
      const now = clock();
      const until = after(now, ENROLMENT_TTL);
      const enrolment = { id: newId(now), userId, boundTo, credentialEpoch, name, secret, until };
      const account = email ?? username ?? userId;
      return {
        enrollToken: seals.issueEnrolment(enrolment),
        secret: toBase32(secret),
        uri: totpUri(secret, { issuer, account }),
      };
    },

    async confirm(caller, userId, { enrollToken, code, boundTo }, demand) {
      const enrolment = seals.openEnrolment(enrollToken);
      if (enrolment?.userId !== userId || enrolment.boundTo !== boundTo) throw authErrors.token_invalid();
      return change(caller, userId, async (record, describe) => {
        const now = clock();
        const isUsed = record.totp.some(({ id }) => id === enrolment.id);
        const isVoid = enrolment.until <= now || enrolment.credentialEpoch !== record.credentialEpoch;
        if (isUsed || isVoid) throw authErrors.token_invalid();
        demand(record);
        if (record.totp.length >= MOST_APPS) throw factorErrors.factor_limit();
        const lastStep = stepsOfCode(enrolment.secret, code, now).at(-1);
        if (lastStep === undefined) throw authErrors.code_invalid();
        const { id, name, secret } = enrolment;
        const sealedSecret = seals.seal(id, secret);
        const totp: TotpRecord = { id, name, sealedSecret, lastStep, createdAt: now, lastUsedAt: null };
        const made = record.recovery === null ? newRecoveryCodes(now) : null;
        const along = { trusted: [], ...(made && { recovery: made.recovery }) };
        const event = describe('factors.totp_added', { factorId: id, name });
        return [
          await store.enableTotp(record, totp, along, event),
          { totp, ...(made && { recoveryCodes: made.codes }) },
        ];
      });
    },

    async remove(caller, actor, id, mustHave) {
      await change(caller, actor.userId, async (record, describe) => {
        const totp = record.totp.find((one) => one.id === id);
        if (!totp) throw factorErrors.factor_not_found();
        demandAsStrong(actor, record);
        const rest = { passkeys: record.passkeys, totp: record.totp.filter((one) => one !== totp) };
        const last = !holdsSecondFactor(rest);
        if (last && mustHave) throw factorErrors.last_factor();
        const event = describe('factors.totp_removed', { factorId: id, name: totp.name, last });
        // Recovery codes stand in for another factor: without one, nothing of them may stay behind.
        const along = { trusted: [], ...(last && { recovery: null }) };
        return [await store.removeTotp(record, id, along, event), {}];
      });
    },

    async prove(userId, apps, code) {
      const now = clock();
      for (const { id, sealedSecret, lastStep } of apps) {
        const secret = seals.open(id, sealedSecret);
        const steps = secret ? stepsOfCode(secret, code, now) : [];
        // One that was used is wrong from then on, on every instance.
        for (const step of steps.filter((step) => step > lastStep)) {
          if (await store.useTotp(userId, id, step, now)) return;
        }
      }
      throw authErrors.code_invalid();
    },
  };
}
