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
  /** Answers from memory, which `evict` keeps current. */
  has(userId: string): Promise<boolean>;
  /** Like `has`, without a promise; undefined if nothing is in memory. */
  peek(userId: string): boolean | undefined;
  read(): Promise<SuperadminRecord>;
  /**
   * Makes a user a superadmin; does nothing if they are one. Throws `user_not_found` unless the user is active, and `power_exceeded` unless
   * the caller is a superadmin or the operator.
   */
  grant(caller: Caller, userId: string): Promise<void>;
  /** Makes a user the first superadmin; false if another user is one. Throws `user_not_found` unless the user is active. */
  grantFirst(caller: Caller, userId: string): Promise<boolean>;
  /**
   * Takes the role from a superadmin; does nothing if the user is none. Throws `last_superadmin`, and `power_exceeded` unless the caller is
   * a superadmin or the operator.
   */
  revoke(caller: Caller, userId: string): Promise<void>;
  /**
   * Ensures that a user is no superadmin, and that no concurrent grant makes them one (decision 8). Must precede the write that disables or
   * deletes a user with the mark; that write must use the version that was read before this call. Throws `superadmin_protected`.
   */
  demandNotSuperadmin(caller: Caller, userId: string): Promise<void>;
  /** Stores a new setup link; false if another write came first. */
  offerSetup(from: SuperadminRecord, setup: NonNullable<SuperadminRecord['setup']>): Promise<boolean>;
  evict(target: string): void;
  /** Forgets everything. */
  clear(): void;
}

const TARGET = 'superadmins:all';

/** Keeps who is a superadmin, in one record, so that no change can be half done. */
export function createSuperadmins(deps: {
  store: SuperadminStore;
  users: UserStore;
  events: Events;
  clock: Clock;
}): Superadmins {
  const { store, users, events, clock } = deps;
  const members = createSnapshot(async () => new Set((await store.read()).userIds));

  /** Checked against the record that is then replaced: of two superadmins who revoke each other at the same time, only one succeeds. */
  function demandSuperadmin({ actor }: Caller, { userIds }: SuperadminRecord): void {
    if (actor === OPERATOR) return;
    const isOne = actor?.subject.kind === 'person' && userIds.includes(actor.subject.id);
    // A credential with scopes must not decide who is a superadmin, because a superadmin has no limits.
    if (!isOne || actor.scopes !== null) throw accessErrors.power_exceeded();
  }

  function replace(caller: Caller, record: SuperadminRecord, userIds: string[], type: string, userId: string) {
    const data = { before: { superadmins: record.userIds }, after: { superadmins: userIds } };
    const event = events.describe(caller, { type, target: TARGET, userId, data, evicts: true });
    const setup = userIds.length > 0 ? null : record.setup;
    return store.replace(record.version, { userIds, setup }, event);
  }

  /** Sets the user's mark by compare-and-set; false if another write came first. */
  async function mark(caller: Caller, userId: string, value: boolean): Promise<boolean> {
    const user = await users.find(userId);
    if (value && user?.status !== 'active') throw userErrors.user_not_found();
    if (!user || (!value && !user.superadminMark)) return true;
    const type = value ? 'user.superadmin_marked' : 'user.superadmin_unmarked';
    const event = events.describe(caller, { type, target: `user:${userId}` });
    return (await users.setSuperadminMark({ id: userId, version: user.version, now: clock() }, value, event)) === 'ok';
  }

  /**
   * Reads the record, sets the mark, then replaces the record as it was read. A disabling or deletion in between either loses to the mark's
   * write, or sees the mark and makes the replacement fail (decision 8).
   */
  const add = (caller: Caller, userId: string, first: boolean): Promise<boolean> =>
    untilWon(
      async () => {
        const record = await store.read();
        if (first && record.userIds.length > 0) return record.userIds.includes(userId);
        if (!first) demandSuperadmin(caller, record);
        if (record.userIds.includes(userId)) return true;
        if (!(await mark(caller, userId, true))) return null;
        const userIds = [...record.userIds, userId];
        return (await replace(caller, record, userIds, 'superadmin.granted', userId)) ? true : null;
      },
      { record: TARGET },
    );

  return {
    has: async (userId) => (await members.get()).has(userId),
    peek: (userId) => members.peek()?.has(userId),
    read: () => store.read(),
    grant: async (caller, userId) => void (await add(caller, userId, false)),
    grantFirst: (caller, userId) => add(caller, userId, true),

    async revoke(caller, userId) {
      await untilWon(
        async () => {
          const record = await store.read();
          demandSuperadmin(caller, record);
          if (!record.userIds.includes(userId)) return true;
          const userIds = record.userIds.filter((id) => id !== userId);
          if (userIds.length === 0) throw accessErrors.last_superadmin();
          return (await replace(caller, record, userIds, 'superadmin.revoked', userId)) ? true : null;
        },
        { record: TARGET },
      );
      // A mark that stays set costs one more write when the user is next disabled or deleted, and nothing else.
      await mark(caller, userId, false);
    },

    async demandNotSuperadmin(caller, userId) {
      await untilWon(
        async () => {
          const record = await store.read();
          if (record.userIds.includes(userId)) throw userErrors.superadmin_protected();
          const event = events.describe(caller, { type: 'superadmin.grants_fenced', target: TARGET, userId });
          return (await store.replace(record.version, record, event)) ? true : null;
        },
        { record: TARGET },
      );
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
