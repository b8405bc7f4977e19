import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import { userTerms } from './search-terms.ts';
import { createMongoUserLists, RECORD, toRecord, type UserDocument } from './user-lists.mongo.ts';
import type { UserAt, UserChange, UserProfile, UserRecord, UserStore } from './user-store.ts';

/** A tombstone. */
const ERASED = {
  email: null,
  emailNorm: null,
  emailVerified: false,
  username: null,
  usernameKey: null,
  fullName: null,
  phone: null,
  locale: null,
  profile: {},
  profilePublic: false,
  status: 'erased',
  roleIds: [],
  superadminMark: false,
  passwordHash: null,
  mustChangePassword: false,
  keptSessionId: null,
  emailChange: null,
  invitation: null,
  lastLoginAt: null,
  terms: [],
} satisfies Partial<UserDocument>;

/** Users on MongoDB. */
export function createMongoUserStore(deps: { database: Database; outbox: MongoOutbox }): UserStore {
  const users = mongoOf(deps.database).db.collection<UserDocument>('users');
  const outbox = deps.outbox.attach(users);

  async function findBy(field: '_id' | 'emailNorm' | 'usernameKey', value: string): Promise<UserRecord | null> {
    const document = await users.findOne({ [field]: { $eq: value } }, RECORD);
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

  /** The same where the new values depend on the old ones: they are read first, and the version says that they are still there. */
  async function changeFrom(
    at: UserAt,
    next: (user: UserRecord) => Partial<UserDocument>,
    event: EventDraft,
  ): Promise<UserChange> {
    const user = await findBy('_id', at.id);
    return user?.version === at.version ? change(at, next(user), event) : 'lost';
  }

  /** Brings the terms along with the names that they follow from. */
  const rename = (at: UserAt, set: Partial<UserDocument>, event: EventDraft): Promise<UserChange> =>
    changeFrom(at, (user) => ({ ...set, terms: userTerms({ ...user, ...set }) }), event);

  return {
    async insert({ id, ...user }, event) {
      const document = { _id: id, ...user, profile: stored(user.profile), terms: userTerms(user) };
      try {
        await outbox.insert(document, event, user.version);
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
      change(
        at,
        { passwordHash: hash, passwordVersion, mustChangePassword, sessionEpoch, keptSessionId, invitation: null },
        event,
      ),

    async upgradeHash(id, from, to) {
      const result = await users.updateOne(
        { _id: { $eq: id }, passwordHash: { $eq: from } },
        { $set: { passwordHash: to } },
      );
      return result.matchedCount === 1;
    },

    async patchProfile(at, patch, event) {
      const set: Partial<UserDocument> = {};
      if (patch.email !== undefined) set.email = patch.email;
      if (patch.emailNorm !== undefined) Object.assign(set, { emailNorm: patch.emailNorm, emailChange: null });
      if (patch.emailVerified !== undefined) set.emailVerified = patch.emailVerified;
      if (patch.fullName !== undefined) set.fullName = patch.fullName;
      if (patch.username !== undefined) set.username = patch.username;
      if (patch.usernameKey !== undefined) set.usernameKey = patch.usernameKey;
      if (patch.phone !== undefined) set.phone = patch.phone;
      if (patch.locale !== undefined) set.locale = patch.locale;
      if (patch.profile !== undefined) set.profile = stored(patch.profile);
      if (patch.profilePublic !== undefined) set.profilePublic = patch.profilePublic;
      return rename(at, set, event);
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
      rename(at, { email, emailNorm, emailVerified: true, emailChange: null }, event),

    softDelete: (at, { sessionEpoch, grantEpoch }, event) =>
      change(
        at,
        {
          status: 'deleted',
          deletedAt: at.now,
          sessionEpoch,
          keptSessionId: null,
          grantEpoch,
          superadminMark: false,
          emailChange: null,
          invitation: null,
        },
        event,
      ),

    setStatus: (at, { status, sessionEpoch }, event) =>
      change(at, { status, deletedAt: null, sessionEpoch, keptSessionId: null, superadminMark: false }, event),

    erase: (at, { sessionEpoch, grantEpoch, credentialEpoch }, event) =>
      changeFrom(
        at,
        ({ deletedAt }) => ({
          ...ERASED,
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

    setRoles: (at, { roleIds }, event) => change(at, { roleIds: [...roleIds] }, event),
    setSuperadminMark: (at, mark, event) => change(at, { superadminMark: mark }, event),
    invite: (at, { id, keyId, expiresAt }, event) => change(at, { invitation: { id, keyId, expiresAt } }, event),

    acceptInvitation(at, { hash, passwordVersion, sessionEpoch, username, usernameKey, fullName }, event) {
      const set: Partial<UserDocument> = {
        passwordHash: hash,
        passwordVersion,
        mustChangePassword: false,
        sessionEpoch,
        keptSessionId: null,
        emailVerified: true,
        invitation: null,
      };
      if (username !== undefined) set.username = username;
      if (usernameKey !== undefined) set.usernameKey = usernameKey;
      if (fullName !== undefined) set.fullName = fullName;
      return rename(at, set, event);
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

/** Fields that are undefined are left out; the driver would write null. */
function stored(profile: UserProfile): UserProfile {
  return JSON.parse(JSON.stringify(profile));
}
