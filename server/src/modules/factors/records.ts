import { randomBytes } from 'node:crypto';
import type { UserRecord } from '../users/user-store.ts';
import type { FactorStore, FactorsRecord } from './factor-store.ts';
import { type Factors, factorsOf } from './names.ts';

type Owner = Pick<UserRecord, 'id' | 'credentialEpoch'>;

/** The factors of users, under the present credential epoch. */
export interface FactorRecords {
  /** Those that count. One query for a user without any. */
  held(user: Owner): Promise<Factors>;
  /** The record to change. Begins one for a user without, and empties one of an earlier epoch. */
  current(user: Owner): Promise<FactorsRecord>;
}

/** `user`: as read in this request, so that a change that an older epoch allowed never counts. */
export function createFactorRecords({ store }: { store: FactorStore }): FactorRecords {
  return {
    held: async (user) => factorsOf(user, await store.find(user.id)),

    async current({ id: userId, credentialEpoch }) {
      for (;;) {
        const record = await store.find(userId);
        // A record of a later epoch than the user that was read: the caller's change is void, and loses.
        if (record && record.credentialEpoch >= credentialEpoch) return { ...record, credentialEpoch };
        if (record) await store.renew(userId, record.credentialEpoch, credentialEpoch);
        else await store.begin({ userId, handle: randomBytes(32).toString('base64url'), credentialEpoch });
      }
    },
  };
}
