import type { ListPage, ListQuery, Lists } from '../../platform/http/paging.ts';
import { accessErrors } from '../access/errors.ts';
import type { Roles } from '../access/roles.ts';
import type { Superadmins } from '../access/superadmins.ts';
import type { ReadLists } from '../replicas/replicas.ts';
import { searchTerms } from '../users/names.ts';
import type { UserFilter, UserOrder, UserPlace, UserRecord, UserStore } from '../users/user-store.ts';
import type { UsersQuery } from './schemas.ts';

export interface UserList {
  /**
   * A page of the users that match. `readerId`: the subject that asks, whose own changes a replica must not lack. Throws `role_not_found`,
   * and `validation_failed` for an invalid cursor or page.
   */
  read(readerId: string, query: UsersQuery): Promise<ListPage<UserRecord>>;
}

const NEWEST_FIRST = '-createdAt';

/** Lists and searches users for administrators. */
export function createUserList(deps: {
  readLists: ReadLists<{ users: Pick<UserStore, 'list' | 'count'> }>;
  roles: Roles;
  superadmins: Superadmins;
  list: Lists;
}): UserList {
  const { readLists, roles, superadmins, list } = deps;

  async function ofRole(name: string): Promise<UserFilter> {
    const role = (await roles.list()).find(({ id, code }) => id === name || code === name);
    if (!role) throw accessErrors.role_not_found();
    // Superadmins are listed in a record of their own.
    if (role.builtIn && role.code === 'superadmin') return { ids: (await superadmins.read()).userIds };
    return { roleId: role.id };
  }

  async function toFilter({ q = '', role, status, verified, createdFrom, createdTo }: UsersQuery): Promise<UserFilter> {
    const terms = searchTerms(q);
    return {
      ...(terms.length > 0 && { terms }),
      ...(role !== undefined && (await ofRole(role))),
      ...(status !== undefined && { status }),
      ...(verified !== undefined && { verified }),
      ...(createdFrom !== undefined && { createdFrom: new Date(createdFrom) }),
      ...(createdTo !== undefined && { createdTo: new Date(createdTo) }),
    };
  }

  return {
    async read(readerId, { page, pageSize, cursor, sort = NEWEST_FIRST, ...query }) {
      const order = toOrder(sort);
      const filter = await toFilter(query);
      return list<UserRecord>({ page, pageSize, cursor } as ListQuery, {
        // A cursor is valid only with the filter and order that it came from.
        name: `users ${JSON.stringify([query, sort])}`,
        read: ({ after, ...rest }) =>
          readLists(readerId, (stores) =>
            stores.users.list(filter, order, {
              ...rest,
              after: after === null ? null : (JSON.parse(after) as UserPlace),
            }),
          ),
        count: (limit) => readLists(readerId, (stores) => stores.users.count(filter, limit)),
        keyOf: (user) => JSON.stringify(placeOf(user, order)),
      });
    },
  };
}

function toOrder(sort: NonNullable<UsersQuery['sort']>): UserOrder {
  const descending = sort.startsWith('-');
  return { by: (descending ? sort.slice(1) : sort) as UserOrder['by'], descending };
}

function placeOf(user: UserRecord, { by }: UserOrder): UserPlace {
  const values = {
    createdAt: user.createdAt.toISOString(),
    email: user.emailNorm,
    username: user.username,
    lastLoginAt: user.lastLoginAt?.toISOString() ?? null,
  };
  return { value: values[by], id: user.id };
}
