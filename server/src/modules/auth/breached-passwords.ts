import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { isInBreachList } from '../../platform/breaches/breach-list.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';

/** An arbitrary hash: looking it up shows whether the list can be read. */
const SOME_HASH = '0'.repeat(40);

export interface BreachedPasswords {
  /** Whether the password was in a breach; false where the list cannot be read, which is logged. */
  has(password: string): Promise<boolean>;
  /** Whether the list can be read. */
  isReadable(): Promise<boolean>;
}

/** Looks passwords up in a list of breached ones on disk (see `isInBreachList`). Nothing leaves this machine. */
export function createBreachedPasswords({ path, log }: { path: string; log: Logger }): BreachedPasswords {
  const outage = createOutageLog(log, 'reading PASSWORD_BREACH_FILE');

  async function isListed(sha1: string): Promise<boolean | null> {
    try {
      const listed = await isInBreachList(path, sha1);
      outage.worked();
      return listed;
    } catch (error) {
      outage.failed(error);
      return null;
    }
  }

  return {
    // An unreadable list prevents nobody from setting a password: the built-in list decides alone, and `/ready` is `degraded`.
    async has(password) {
      // As it was typed, as it may have leaked (NFC), and as it is hashed here (NFKC).
      for (const form of new Set([password, password.normalize('NFC'), password.normalize('NFKC')])) {
        if (await isListed(createHash('sha1').update(form).digest('hex').toUpperCase())) return true;
      }
      return false;
    },

    isReadable: async () => (await isListed(SOME_HASH)) !== null,
  };
}
