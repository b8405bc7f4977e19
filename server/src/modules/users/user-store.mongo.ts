import type { Filter } from 'mongodb';
import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import { type Cleared, ERASED } from './erasure.ts';
import { TERMS_VERSION, userTerms } from './search-terms.ts';
import { createMongoUserBatches } from './user-batches.mongo.ts';
import { userChanges } from './user-changes.ts';
import { createMongoUserLists, RECORD, toRecord, type UserDocument } from './user-lists.mongo.ts';
import type { UserAt, UserChange, UserRecord, UserStore } from './user-store.ts';

/** The fields from which the terms of a user are derived. */
const NAMES = ['emailNorm', 'username', 'fullName'] as const;

/** A tombstone, in which the fields that only documents have are cleared, too. */
const TOMBSTONE: Cleared<Omit<UserDocument, '_id'>> = { ...ERASED, terms: [], termsVersion: TERMS_VERSION };

/** The fields that are derived from the names of a user. */
const termsOf = (user: Parameters<typeof userTerms>[0]) => ({ terms: userTerms(user), termsVersion: TERMS_VERSION });

function toDocument({ id, ...user }: UserRecord): UserDocument {
  return { _id: id, ...user, profile: withoutUndefined(user.profile), ...termsOf(user) };
}

/** Users on MongoDB. */
export function createMongoUserStore(deps: { database: Database; outbox: MongoOutbox }): UserStore {
  const users = mongoOf(deps.database).db.collection<UserDocument>('users');
  const outbox = deps.outbox.attach(users);

  async function findBy(field: '_id' | 'emailNorm' | 'usernameKey', value: string): Promise<UserRecord | null> {
    const document = await users.findOne({ [field]: { $eq: value } }, RECORD);
    return document ? toRecord(document) : null;
  }

  /** Writes `set` and the event if the user is still at the version that was read. */
  async function change(
    { id, version, now }: UserAt,
    set: Partial<UserDocument>,
    event: EventDraft,
  ): Promise<UserChange> {
    const next = { ...set, updatedAt: now, version: version + 1 };
    try {
      return (await outbox.change({ _id: { $eq: id }, version }, next, event, next.version)) ? 'ok' : 'lost';
    } catch (error) {
      return takenName(error);
    }
  }

  /** The same for new values that depend on the old ones, which are read first; the check of the version detects a change in between. */
  async function changeFrom(
    at: UserAt,
    next: (user: UserRecord) => Partial<UserDocument>,
    event: EventDraft,
  ): Promise<UserChange> {
    const user = await findBy('_id', at.id);
    return user?.version === at.version ? change(at, next(user), event) : 'lost';
  }

  /** Also updates the terms if a name changes. */
  function changeFields(at: UserAt, said: Partial<UserRecord>, event: EventDraft): Promise<UserChange> {
    const set = written(said);
    if (!NAMES.some((name) => name in set)) return change(at, set, event);
    return changeFrom(at, (user) => ({ ...set, ...termsOf({ ...user, ...set }) }), event);
  }

  return {
    async insert(user, event) {
      try {
        await outbox.insert(toDocument(user), event, user.version);
        return 'ok';
      } catch (error) {
        const taken = takenName(error);
        // A used registration violates the uniqueness of its own address, too.
        return (await findBy('_id', user.id)) ? 'lost' : taken;
      }
    },

    ...createMongoUserBatches({ users, outbox, toDocument }),

    find: (id) => findBy('_id', id),
    findByEmail: (emailNorm) => findBy('emailNorm', emailNorm),
    findByUsernameKey: (usernameKey) => findBy('usernameKey', usernameKey),

    ...userChanges(changeFields),

    async upgradeHash(id, from, to) {
      const result = await users.updateOne(
        { _id: { $eq: id }, passwordHash: { $eq: from } },
        { $set: { passwordHash: to } },
      );
      return result.matchedCount === 1;
    },

    // By its path, so that a concurrently counted try is not overwritten.
    extendEmailChange: (at, expiresAt, event) =>
      change(at, { 'emailChange.expiresAt': expiresAt } as Partial<UserDocument>, event),

    async countEmailTry(id, challengeId, limit, now) {
      const result = await users.updateOne(
        {
          _id: { $eq: id },
          'emailChange.id': { $eq: challengeId },
          'emailChange.tries': { $lt: limit },
          'emailChange.expiresAt': { $gt: now },
        },
        { $inc: { 'emailChange.tries': 1 } },
      );
      return result.matchedCount === 1;
    },

    erase: (at, { sessionEpoch, grantEpoch, credentialEpoch }, event) =>
      changeFrom(
        at,
        ({ deletedAt }) => ({
          ...TOMBSTONE,
          sessionEpoch,
          grantEpoch,
          credentialEpoch,
          deletedAt: deletedAt ?? at.now,
        }),
        event,
      ),

    async remove(id) {
      if (await users.findOne({ _id: { $eq: id }, status: 'erased' }, { projection: { _id: 1 } })) {
        await outbox.remove(id);
      }
    },

    async rebuildTerms(limit) {
      // A document without a version is of the first one.
      const earlier = { $or: [{ termsVersion: null }, { termsVersion: { $lt: TERMS_VERSION } }] };
      const found = await users
        .find(earlier as Filter<UserDocument>, { projection: { version: 1, emailNorm: 1, username: 1, fullName: 1 } })
        .limit(limit)
        .toArray();
      // If a name has changed in between, the next call finds the user again.
      const writes = found.map(({ _id, version, ...names }) => ({
        updateOne: { filter: { _id, version }, update: { $set: termsOf(names) } },
      }));
      if (writes.length > 0) await users.bulkWrite(writes, { ordered: false });
      return found.length;
    },

    ...createMongoUserLists(users),

    async listDeletedBefore(before, limit) {
      const gone = { deletedAt: { $type: 'date' as const, $lt: before }, status: 'deleted' as const };
      const found = users
        .find(gone, { projection: { _id: 1 } })
        .sort({ deletedAt: 1, _id: 1 })
        .limit(limit);
      return (await found.toArray()).map(({ _id }) => _id);
    },

    async noteLogin(id, at) {
      // For `$max`, null is smaller than any time.
      await users.updateOne({ _id: { $eq: id } }, { $max: { lastLoginAt: at } });
    },
  };
}

function takenName(error: unknown): UserChange {
  const violated = uniqueViolation(error);
  if (violated === null) throw error;
  return violated.includes('usernameKey') ? 'username_taken' : 'email_taken';
}

/** Leaves out undefined fields, which the driver would write as null. */
function withoutUndefined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function written(set: Partial<UserRecord>): Partial<UserRecord> {
  return withoutUndefined({ ...set, profile: set.profile && withoutUndefined(set.profile) });
}
