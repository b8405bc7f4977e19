import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import type { UserAt, UserChange, UserProfile, UserRecord, UserStore } from './user-store.ts';

type UserDocument = Omit<UserRecord, 'id'> & { _id: string };

/** Users on MongoDB. */
export function createMongoUserStore(deps: { database: Database; outbox: MongoOutbox }): UserStore {
  const users = mongoOf(deps.database).db.collection<UserDocument>('users');
  const outbox = deps.outbox.attach(users);

  async function findBy(field: '_id' | 'emailNorm' | 'usernameKey', value: string): Promise<UserRecord | null> {
    const document = await users.findOne({ [field]: { $eq: value } }, { projection: { outbox: 0 } });
    return document ? toRecord(document) : null;
  }

  /** Writes `set` onto exactly the version that was read, with its event. */
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

  return {
    async insert({ id, ...user }, event) {
      try {
        await outbox.insert({ _id: id, ...user, profile: stored(user.profile) }, event, user.version);
        return 'ok';
      } catch (error) {
        const taken = takenName(error);
        // A registration that was used up meets its own address, too.
        return (await findBy('_id', id)) ? 'lost' : taken;
      }
    },

    find: (id) => findBy('_id', id),
    findByEmail: (emailNorm) => findBy('emailNorm', emailNorm),
    findByUsernameKey: (usernameKey) => findBy('usernameKey', usernameKey),

    setPassword: (at, { hash, passwordVersion, mustChangePassword, sessionEpoch, keptSessionId }, event) =>
      change(at, { passwordHash: hash, passwordVersion, mustChangePassword, sessionEpoch, keptSessionId }, event),

    async upgradeHash(id, from, to) {
      const result = await users.updateOne(
        { _id: { $eq: id }, passwordHash: { $eq: from } },
        { $set: { passwordHash: to } },
      );
      return result.matchedCount === 1;
    },

    async patchProfile(at, patch, event) {
      const set: Partial<UserDocument> = {};
      if (patch.fullName !== undefined) set.fullName = patch.fullName;
      if (patch.username !== undefined) set.username = patch.username;
      if (patch.usernameKey !== undefined) set.usernameKey = patch.usernameKey;
      if (patch.phone !== undefined) set.phone = patch.phone;
      if (patch.locale !== undefined) set.locale = patch.locale;
      if (patch.profile !== undefined) set.profile = stored(patch.profile);
      if (patch.profilePublic !== undefined) set.profilePublic = patch.profilePublic;
      return change(at, set, event);
    },

    endSessions: (at, { sessionEpoch, keptSessionId }, event) => change(at, { sessionEpoch, keptSessionId }, event),

    beginEmailChange: (at, { id, keyId, email, emailNorm, expiresAt, tries }, event) =>
      change(at, { emailChange: { id, keyId, email, emailNorm, expiresAt, tries } }, event),

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

    takeEmail: (at, { email, emailNorm }, event) =>
      change(at, { email, emailNorm, emailVerified: true, emailChange: null }, event),

    softDelete: (at, { sessionEpoch }, event) =>
      change(at, { status: 'deleted', deletedAt: at.now, sessionEpoch, keptSessionId: null, emailChange: null }, event),

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

function toRecord({ _id: id, ...user }: UserDocument): UserRecord {
  return { id, ...user };
}

/** Fields that are undefined are left out; the driver would write null. */
function stored(profile: UserProfile): UserProfile {
  return JSON.parse(JSON.stringify(profile));
}
