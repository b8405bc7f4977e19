import type { Collection, Filter } from 'mongodb';
import type { Stored } from '../../platform/database/stored.ts';
import { endOfPrefix } from './search-terms.ts';
import { readThrough, type Segment, segmentsOf } from './user-order.ts';
import type { UserFilter, UserOrder, UserRecord, UserStore } from './user-store.ts';

/** `terms`: the search terms of the user, see `search-terms.ts`; derived from the names, and written together with them and their version. */
export type UserDocument = Omit<UserRecord, 'id'> & { _id: string; terms: string[]; termsVersion: number };

/** Leaves out the fields that are not part of the record. */
export const RECORD = { projection: { outbox: 0, terms: 0, termsVersion: 0 } } as const;

const FIELDS = {
  createdAt: 'createdAt',
  email: 'emailNorm',
  username: 'username',
  lastLoginAt: 'lastLoginAt',
} as const;

const INDEXES = {
  createdAt: 'users_created',
  email: 'users_email',
  username: 'users_username',
  lastLoginAt: 'users_last_login',
} as const;

/** Lists of users on MongoDB. */
export function createMongoUserLists(users: Collection<UserDocument>): Pick<UserStore, 'list' | 'count'> {
  return {
    async list(filter, order, { after, skip, limit }) {
      const direction = order.descending ? -1 : 1;
      const hint = indexOf(filter, order);
      const matching = (segment: Segment) => ({ $and: [within(order, segment), ...conditionsOf(filter)] });
      const documents = await readThrough(
        segmentsOf(order, after),
        { skip, limit },
        (segment, skipped, most) =>
          users
            .find(matching(segment), { ...RECORD, ...(hint && { hint }) })
            .sort({ [FIELDS[order.by]]: direction, _id: direction })
            .skip(skipped)
            .limit(most)
            .toArray(),
        (segment, most) => users.countDocuments(matching(segment), { limit: most }),
      );
      return documents.map(toRecord);
    },

    count: (filter, limit) => users.countDocuments({ $and: conditionsOf(filter) }, { limit }),
  };
}

/** The index of the order, by its name in the migration; null if another may be better: then the database chooses. */
function indexOf(
  { terms, roleId, anyRoleIds, ids, status, createdFrom, createdTo }: UserFilter,
  { by }: UserOrder,
): string | null {
  if (terms || roleId !== undefined || anyRoleIds || ids) return null;
  if (by !== 'createdAt') return createdFrom || createdTo ? null : INDEXES[by];
  return status === undefined ? INDEXES.createdAt : 'users_status_created';
}

type Always =
  | ('email' | 'emailNorm' | 'emailVerified' | 'emailChange' | 'invitation')
  | ('username' | 'usernameKey' | 'fullName' | 'phone' | 'locale' | 'profile' | 'profilePublic')
  | ('status' | 'roleIds' | 'superadminMark' | 'passwordHash' | 'passwordVersion' | 'mustChangePassword')
  | ('sessionEpoch' | 'keptSessionId' | 'lastLoginAt' | 'deletedAt' | 'createdAt' | 'updatedAt' | 'version');

/** The user that a document holds. */
export function toRecord(stored: Stored<Omit<UserRecord, 'id'>, Always> & { _id: string }): UserRecord {
  const {
    _id: id,
    grantEpoch = 0,
    credentialEpoch = 0,
    emailMove = null,
    avatarId = null,
    externalId = null,
    ...user
  } = stored;
  return { id, grantEpoch, credentialEpoch, emailMove, avatarId, externalId, ...user };
}

function within({ by, descending }: UserOrder, segment: Segment): Filter<UserDocument> {
  const field = FIELDS[by];
  const beyond = descending ? '$lt' : '$gt';
  const isTime = by === 'createdAt' || by === 'lastLoginAt';
  const read = (value: string) => (isTime ? new Date(value) : value);
  // MongoDB compares only values of the same type, so a bound excludes nulls.
  const least = isTime ? new Date(-8.64e15) : '';
  switch (segment.kind) {
    case 'none':
      return { [field]: null, ...(segment.afterId !== null && { _id: { [beyond]: segment.afterId } }) };
    case 'same':
      return { [field]: { $eq: read(segment.value) }, _id: { [beyond]: segment.afterId } };
    case 'any':
      return { [field]: segment.beyond === null ? { $gte: least } : { [beyond]: read(segment.beyond) } };
  }
}

function conditionsOf(filter: UserFilter) {
  const { terms = [], roleId, anyRoleIds, ids, status, verified, createdFrom, createdTo } = filter;
  const conditions: Filter<UserDocument>[] = [{ status: status === undefined ? { $ne: 'erased' } : { $eq: status } }];
  for (const term of terms) {
    const end = endOfPrefix(term);
    // One and the same term must meet both bounds.
    conditions.push({ terms: { $elemMatch: { $gte: term, ...(end !== null && { $lt: end }) } } });
  }
  if (roleId !== undefined) conditions.push({ roleIds: { $eq: roleId } } as Filter<UserDocument>);
  if (anyRoleIds !== undefined) conditions.push({ roleIds: { $in: [...anyRoleIds] } } as Filter<UserDocument>);
  if (ids !== undefined) conditions.push({ _id: { $in: [...ids] } });
  if (verified !== undefined) conditions.push({ emailVerified: verified });
  if (createdFrom !== undefined) conditions.push({ createdAt: { $gte: createdFrom } });
  if (createdTo !== undefined) conditions.push({ createdAt: { $lt: createdTo } });
  return conditions;
}
