import type { Collection, Filter } from 'mongodb';
import type { CollectionOutbox } from '../events/outbox.mongo.ts';
import type { UserDocument } from './user-lists.mongo.ts';
import type { UserRecord, UserStore } from './user-store.ts';

const NAMES = { emailNorm: 1, username: 1, usernameKey: 1, externalId: 1 } as const;

/** Many users at a time on MongoDB. */
export function createMongoUserBatches(deps: {
  users: Collection<UserDocument>;
  outbox: CollectionOutbox<UserDocument>;
  toDocument: (user: UserRecord) => UserDocument;
}): Pick<UserStore, 'insertMany' | 'findNamed'> {
  const { users, outbox, toDocument } = deps;

  return {
    insertMany: (people) =>
      outbox.insertMany(people.map(({ user, event }) => ({ document: toDocument(user), event, seq: user.version }))),

    async findNamed({ ids, emailNorms, usernameKeys, externalIds }) {
      const lookUps: Filter<UserDocument>[] = [
        { _id: { $in: [...ids] } },
        { emailNorm: { $in: [...emailNorms] } },
        { usernameKey: { $in: [...usernameKeys] } },
        { externalId: { $in: [...externalIds] } },
      ];
      const found = await users.find({ $or: lookUps }, { projection: NAMES }).toArray();
      return found.map(({ _id, emailNorm, username, usernameKey, externalId }) => {
        // Whoever was not imported has none.
        return { id: _id, emailNorm, username, usernameKey, externalId: externalId ?? null };
      });
    },
  };
}
