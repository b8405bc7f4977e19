import type { Caller } from '../../platform/http/caller.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Authority } from '../access/authority.ts';
import type { Events } from '../events/events.ts';
import { factorErrors } from '../factors/errors.ts';
import type { FactorStore, PasskeyRecord } from '../factors/factor-store.ts';
import { holdsSecondFactor } from '../factors/names.ts';
import type { FactorRecords } from '../factors/records.ts';
import type { UserRecord } from '../users/user-store.ts';
import { find } from './own-passkeys.ts';

/** Passkeys as administrators see and remove them. All throw `user_not_found`. */
export interface AdminPasskeys {
  list(userId: string): Promise<readonly PasskeyRecord[]>;
  /** Throws `passkey_not_found`, `power_exceeded`, `last_factor`. */
  remove(caller: Caller, userId: string, id: string): Promise<void>;
}

export function createAdminPasskeys(deps: {
  store: FactorStore;
  records: FactorRecords;
  getUser: (id: string) => Promise<UserRecord>;
  authority: Pick<Authority, 'demandOver'>;
  events: Events;
}): AdminPasskeys {
  const { store, records, getUser, authority, events } = deps;

  return {
    list: async (userId) => (await records.held(await getUser(userId))).passkeys,

    async remove(caller, userId, id) {
      const target = `factors:${userId}`;
      await untilWon(
        async () => {
          const user = await getUser(userId);
          await authority.demandOver(caller, user);
          const record = await records.current(user);
          const passkey = find(record, id);
          const passkeys = record.passkeys.filter((one) => one !== passkey);
          // Whoever talks an administrator into it must not get an account that the password alone opens: a reset waits, and is told.
          if (holdsSecondFactor(record) && !holdsSecondFactor({ ...record, passkeys })) {
            throw factorErrors.last_factor({ detail: 'Reset the factors of this user instead.' });
          }
          const data = { factorId: id, name: passkey.name, last: false };
          const event = events.describe(caller, { type: 'factors.passkey_removed', target, userId, data });
          return (await store.removePasskey(record, id, { trusted: [] }, event)) === 'ok' || null;
        },
        { record: target },
      );
    },
  };
}
