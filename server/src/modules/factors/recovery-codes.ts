import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../platform/clock.ts';
import { formatTypedCode, readTypedCode } from '../../platform/crypto/typed-code.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { authErrors } from '../auth/errors.ts';
import type { ChangeFactors } from './change-factors.ts';
import { factorErrors } from './errors.ts';
import type { FactorStore, RecoveryCodes } from './factor-store.ts';
import { demandAsStrong, holdsSecondFactor } from './names.ts';

const CODES = 10;
/** As many bits as a typed code has: with 80, a hash that is fast hides them as well as a slow one. */
const CODE_BYTES = 10;

/** What is stored of a code that somebody typed, in any case and with any separators. */
export function hashOfCode(typed: string): string {
  return createHash('sha256').update(readTypedCode(typed)).digest('base64url');
}

/** Ten new codes, and what is stored of them. */
export function newRecoveryCodes(now: Date): { codes: string[]; recovery: RecoveryCodes } {
  const codes = Array.from({ length: CODES }, () => formatTypedCode(randomBytes(CODE_BYTES)));
  return { codes, recovery: { hashes: codes.map(hashOfCode), createdAt: now } };
}

export interface RecoveryCodeUseCases {
  /** Makes ten new ones; the former are void. Throws `factor_missing`, `reauth_required`. */
  renew(caller: Caller, actor: SessionActor): Promise<string[]>;
  /** Uses one up. Throws `code_invalid`. */
  use(caller: Caller, userId: string, typed: string): Promise<void>;
}

export function createRecoveryCodes(deps: {
  store: FactorStore;
  change: ChangeFactors;
  clock: Clock;
}): RecoveryCodeUseCases {
  const { store, change, clock } = deps;

  return {
    renew: (caller, actor) =>
      change(caller, actor.userId, async (record, describe) => {
        // Never instead of another factor: codes on paper are the weakest of all.
        if (!holdsSecondFactor(record)) throw factorErrors.factor_missing();
        demandAsStrong(actor, record);
        const { codes, recovery } = newRecoveryCodes(clock());
        return [await store.setRecovery(record, recovery, describe('factors.recovery_codes_made')), codes];
      }),

    async use(caller, userId, typed) {
      const hash = hashOfCode(typed);
      await change(caller, userId, async (record, describe) => {
        const hashes = record.recovery?.hashes ?? [];
        if (!hashes.includes(hash)) throw authErrors.code_invalid();
        const event = describe('factors.recovery_code_used', { left: hashes.length - 1 });
        return [await store.useRecoveryCode(record, hash, event), {}];
      });
    },
  };
}
