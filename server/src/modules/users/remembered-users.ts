import { createMemory } from '../../platform/cache/memory.ts';
import { watchChanges } from '../../platform/database/change-watch.ts';
import type { Database } from '../../platform/database/database.ts';
import { CHANGED_USERS } from './names.ts';
import { userView } from './schemas.ts';
import type { UserRecord, UserStore } from './user-store.ts';

/** What `/users/me` shows of a user, and its text once it was sent. */
export interface RememberedUser extends Pick<UserRecord, 'id' | 'roleIds'> {
  /** Without roles, which may change without the record. */
  view: ReturnType<typeof userView>;
  /** The answer with these roles. */
  sent: { roles: string; text: string } | null;
}

export interface RememberedUsers {
  /** Without waiting; undefined where it has to be read. */
  peek(id: string): RememberedUser | undefined;
  /** Reads the database, and remembers what it found. */
  read(id: string): Promise<RememberedUser | null>;
}

/** People whose accounts are shown at a time: some 20 MB when full. */
const MOST = 10_000;

/** Verbs that change nothing. Any other one, also a new one, forgets. */
const READS: ReadonlySet<string> = new Set<keyof UserStore>([
  'find',
  'findByEmail',
  'findByUsernameKey',
  'findNamed',
  'list',
  'count',
  'listDeletedBefore',
]);

/**
 * Remembers what people are shown of their own accounts, never secrets. Invariant: nobody is shown what is older than 100 ms, and nobody at the
 * process that wrote anything older than the write: the store that it returns forgets a user with each write, and `watchChanges` tells what others
 * write. Decision 43.
 */
export function rememberUsers(
  store: UserStore,
  database: Database,
  publicUrl: string,
): { users: UserStore; remembered: RememberedUsers } {
  const memory = createMemory<RememberedUser>({
    max: MOST,
    async load(id) {
      const user = await store.find(id);
      return user && shownOf(user, publicUrl);
    },
  });
  const forget = (id: string | null) => (id === null ? memory.clear() : memory.evict(id));
  const watch = watchChanges(database, { channel: CHANGED_USERS, forget });

  return {
    users: forgetting(store, forget),
    remembered: {
      peek: (id) => (watch.isCurrent() ? memory.peek(id) : undefined),
      async read(id) {
        if (watch.isCurrent()) return memory.get(id);
        const user = await store.find(id);
        return user && shownOf(user, publicUrl);
      },
    },
  };
}

function forgetting(store: UserStore, forget: (id: string | null) => void): UserStore {
  type Verb = (...args: unknown[]) => Promise<unknown>;
  const wrapped = Object.entries(store).map(([name, verb]: [string, Verb]) => {
    if (READS.has(name)) return [name, verb];
    const writes: Verb = async (...args) => {
      try {
        return await verb(...args);
      } finally {
        // Also after a failure: the answer of a commit may have been lost.
        forget(idIn(args[0]));
      }
    };
    return [name, writes];
  });
  return Object.fromEntries(wrapped);
}

/** Whose record a verb writes: its first argument is an id, or has one. */
function idIn(argument: unknown): string | null {
  if (typeof argument === 'string') return argument;
  const { id } = (argument ?? {}) as { id?: unknown };
  return typeof id === 'string' ? id : null;
}

function shownOf(user: UserRecord, publicUrl: string): RememberedUser {
  const { id, roleIds } = user;
  return { id, roleIds, view: userView(user, [], publicUrl), sent: null };
}
