import { createSnapshot } from '../../platform/cache/snapshot.ts';
import type { Clock } from '../../platform/clock.ts';
import { type Caller, OPERATOR } from '../../platform/http/caller.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Events } from '../events/events.ts';
import { userErrors } from '../users/errors.ts';
import type { UserStore } from '../users/user-store.ts';
import { accessErrors } from './errors.ts';
import type { SuperadminRecord, SuperadminStore } from './superadmin-store.ts';

export interface Superadmins {
  /** From memory, which `evict` keeps true. */
  has(userId: string): Promise<boolean>;
  /** The same at once; undefined where nothing is remembered. */
  peek(userId: string): boolean | undefined;
  read(): Promise<SuperadminRecord>;
  /** Adds one; does nothing where they are one already. Throws `user_not_found` unless active, `power_exceeded` unless the caller is one. */
  grant(caller: Caller, userId: string): Promise<void>;
  /** Adds the first one; false where there is one already. */
  grantFirst(caller: Caller, userId: string): Promise<boolean>;
  /** Takes one away; does nothing where they are none. Throws `last_superadmin`, and `power_exceeded` unless the caller is one. */
  revoke(caller: Caller, userId: string): Promise<void>;
  /**
   * Before a user with the mark is disabled or deleted, onto the version that was read before this: makes sure that they are no superadmin,
   * and that no grant which is under way makes them one (decision 8). Throws `superadmin_protected`.
   */
  demandNotSuperadmin(caller: Caller, userId: string): Promise<void>;
  /** Stores a new setup link; false where somebody else wrote meanwhile. */
  offerSetup(from: SuperadminRecord, setup: NonNullable<SuperadminRecord['setup']>): Promise<boolean>;
  evict(target: string): void;
  /** Everything may have changed. */
  clear(): void;
}

const TARGET = 'superadmins:all';
/** Who is a superadmin. One record is the only truth, so that it can never be half changed. */
export function createSuperadmins(deps: {
  store: SuperadminStore;
  users: UserStore;
  events: Events;
  clock: Clock;
}): Superadmins {
  const { store, users, events, clock } = deps;
  const members = createSnapshot(async () => new Set((await store.read()).userIds));

  /** What two superadmins do to each other at once is decided on the one record that both write. */
  function demandSuperadmin({ actor }: Caller, { userIds }: SuperadminRecord): void {
    if (actor === OPERATOR) return;
    const isOne = actor?.subject.kind === 'person' && userIds.includes(actor.subject.id);
    // A credential that is limited to something cannot make somebody who is limited to nothing.
    if (!isOne || actor.scopes !== null) throw accessErrors.power_exceeded();
  }

  function replace(caller: Caller, record: SuperadminRecord, userIds: string[], type: string, userId: string) {
    const data = { before: { superadmins: record.userIds }, after: { superadmins: userIds } };
    const event = events.describe(caller, { type, target: TARGET, userId, data, evicts: true });
    const setup = userIds.length > 0 ? null : record.setup;
    return store.replace(record.version, { userIds, setup }, event);
  }

  /** Sets the mark onto the present state; false where somebody else was faster. */
  async function mark(caller: Caller, userId: string, value: boolean): Promise<boolean> {
    const user = await users.find(userId);
    if (value && user?.status !== 'active') throw userErrors.user_not_found();
    if (!user || (!value && !user.superadminMark)) return true;
    const type = value ? 'user.superadmin_marked' : 'user.superadmin_unmarked';
    const event = events.describe(caller, { type, target: `user:${userId}` });
    return (await users.setSuperadminMark({ id: userId, version: user.version, now: clock() }, value, event)) === 'ok';
  }

  /** The record is read first, the mark set next, and the record written onto what was read: whoever checks in between is met by one of the two. */
  const add = (caller: Caller, userId: string, first: boolean): Promise<boolean> =>
    untilWon(async () => {
      const record = await store.read();
      if (first && record.userIds.length > 0) return record.userIds.includes(userId);
      if (!first) demandSuperadmin(caller, record);
      if (record.userIds.includes(userId)) return true;
      if (!(await mark(caller, userId, true))) return null;
      const userIds = [...record.userIds, userId];
      return (await replace(caller, record, userIds, 'superadmin.granted', userId)) ? true : null;
    });

  return {
    has: async (userId) => (await members.get()).has(userId),
    peek: (userId) => members.peek()?.has(userId),
    read: () => store.read(),
    grant: async (caller, userId) => void (await add(caller, userId, false)),
    grantFirst: (caller, userId) => add(caller, userId, true),

    async revoke(caller, userId) {
      await untilWon(async () => {
        const record = await store.read();
        demandSuperadmin(caller, record);
        if (!record.userIds.includes(userId)) return true;
        const userIds = record.userIds.filter((id) => id !== userId);
        if (userIds.length === 0) throw accessErrors.last_superadmin();
        return (await replace(caller, record, userIds, 'superadmin.revoked', userId)) ? true : null;
      });
      // A mark that stays behind costs its user's next disabling one more write, and nothing else.
      await mark(caller, userId, false);
    },

    async demandNotSuperadmin(caller, userId) {
      await untilWon(async () => {
        const record = await store.read();
        if (record.userIds.includes(userId)) throw userErrors.superadmin_protected();
        const event = events.describe(caller, { type: 'superadmin.grants_fenced', target: TARGET, userId });
        return (await store.replace(record.version, record, event)) ? true : null;
      });
    },

    offerSetup(from, setup) {
      const event = events.describe(null, { type: 'superadmin.setup_offered', target: TARGET });
      return store.replace(from.version, { userIds: from.userIds, setup }, event);
    },

    evict(target) {
      if (target === TARGET) members.evict();
    },

    clear: () => members.evict(),
  };
}
