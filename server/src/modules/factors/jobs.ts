import type { Logger } from 'pino';
import { MINUTE } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { FactorStore } from './factor-store.ts';
import type { TotpSeals } from './totp-seals.ts';

/** Secrets that are read at a time. */
const BATCH = 500;

/** Encrypts the secrets of authenticator apps with the present `SECRET_KEY`, so that the previous one can be forgotten: every hour. */
export function registerResealing(deps: {
  store: FactorStore;
  seals: TotpSeals;
  keyring: Keyring;
  periodic: Periodic;
  log: Logger;
}): void {
  const { store, seals, keyring, periodic, log } = deps;

  async function run(): Promise<{ resealed: number }> {
    let resealed = 0;
    for (;;) {
      const batch = await store.sealedByOthers(keyring.currentKeyId, BATCH);
      let done = 0;
      for (const { userId, id, sealedSecret } of batch) {
        const sealed = seals.reseal(id, sealedSecret);
        if (sealed !== null && (await store.resealTotp(userId, id, sealedSecret, sealed))) done += 1;
      }
      resealed += done;
      // What nobody can open any more stays first in the list: without progress, there is nothing left to do.
      if (done === 0) {
        if (batch.length > 0) {
          log.warn(
            { secrets: batch.length },
            'secrets of authenticator apps cannot be decrypted with SECRET_KEY or SECRET_KEY_PREVIOUS',
          );
        }
        return { resealed };
      }
    }
  }

  periodic({ name: 'factors.reseal', cron: '47 * * * *', timeout: 10 * MINUTE, run });
}
