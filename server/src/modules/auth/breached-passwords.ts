import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { isInBreachList } from '../../platform/breaches/breach-list.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';

/** Any: it is only looked for. */
const SOME_HASH = '0'.repeat(40);

export interface BreachedPasswords {
  /** Whether the password was in a breach; false where the list cannot be read, which is logged. */
  has(password: string): Promise<boolean>;
  /** Whether the list can be read. */
  isReadable(): Promise<boolean>;
}

/** Passwords of known breaches, by a list on disk (see `isInBreachList`). Nothing leaves this machine. */
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
    // Without the list nobody is locked out: the built-in list decides alone, and `/ready` says degraded.
    async has(password) {
      // As it was typed, as it was leaked, or as it is hashed here.
      for (const form of new Set([password, password.normalize('NFC'), password.normalize('NFKC')])) {
        if (await isListed(createHash('sha1').update(form).digest('hex').toUpperCase())) return true;
      }
      return false;
    },

    isReadable: async () => (await isListed(SOME_HASH)) !== null,
  };
}
