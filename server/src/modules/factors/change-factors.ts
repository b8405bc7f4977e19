import { platformErrors } from '../../platform/errors.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { FactorsChange, FactorsRecord } from './factor-store.ts';
import type { FactorRecords } from './records.ts';

type Describe = (type: string, data?: Record<string, unknown>) => EventDraft;

/** Decides on the present factors of a user and changes them, until the change has won. */
export type ChangeFactors = <Result extends object>(
  caller: Caller,
  userId: string,
  /** Throws to refuse. `outcome`: what the verb of the store answered. */
  decide: (record: FactorsRecord, describe: Describe, user: UserRecord) => Promise<[outcome: FactorsChange, Result]>,
) => Promise<Result>;

/** The user is read before the record, so that a change under an older credential epoch never counts. Throws `unauthenticated`. */
export function createChangeFactors(deps: {
  userStore: Pick<UserStore, 'find'>;
  records: FactorRecords;
  events: Events;
}): ChangeFactors {
  const { userStore, records, events } = deps;
  return (caller, userId, decide) => {
    const target = `factors:${userId}`;
    return untilWon(
      async () => {
        const user = await userStore.find(userId);
        if (user?.status !== 'active') throw platformErrors.unauthenticated();
        const record = await records.current(user);
        const describe: Describe = (type, data = {}) => events.describe(caller, { type, target, userId, data });
        const [outcome, result] = await decide(record, describe, user);
        return outcome === 'ok' ? result : null;
      },
      { record: target },
    );
  };
}
