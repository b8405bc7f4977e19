import type { EventDraft } from './modules/events/event-store.ts';
import { createMongoOutbox, type MongoOutbox } from './modules/events/outbox.mongo.ts';
import { createSqlOutbox, type SqlOutbox } from './modules/events/outbox.sql.ts';
import type { Adapters } from './platform/database/both.ts';
import type { Database } from './platform/database/database.ts';
import * as stores from './storage.ts';

type Opened = { -readonly [Name in keyof typeof stores]: ReturnType<(typeof stores)[Name]['sql']> };

/** Every store of the server. Modules take the type, and what they need of it comes in through their `create…` function. */
export interface Storage extends Opened {}

/** What a replica may be asked for: lists and histories. Never what decides, for it may be a little old. */
export interface ReplicaStorage {
  users: Pick<Storage['users'], 'list' | 'count'>;
  events: Pick<Storage['events'], 'list' | 'count'>;
  heartbeats: Pick<Storage['heartbeats'], 'find'>;
}

export interface StorageOptions {
  /** Told of every change that carries an event, after its commit and before its verb returns. */
  onCommit: (event: EventDraft) => void;
}

/** What the adapters of a store may ask for. */
type SqlDeps = { database: Database; outbox: SqlOutbox };
type MongoDeps = { database: Database; outbox: MongoOutbox };

const TABLE: Record<string, Adapters<unknown, SqlDeps, MongoDeps>> = stores;

/** The stores for the database that is in use; it must have been migrated. */
export function openStorage(database: Database, { onCommit }: StorageOptions): Storage {
  if (database.kind === 'sql') {
    const deps = { database, outbox: createSqlOutbox({ onCommit }) };
    return storageOf((store) => store.sql(deps));
  }
  const deps = { database, outbox: createMongoOutbox({ database, onCommit }) };
  return storageOf((store) => store.mongo(deps));
}

/** The lists of a replica. */
export function openReplicaStorage(replica: Database): ReplicaStorage {
  return openStorage(replica, { onCommit() {} });
}

function storageOf(open: (store: Adapters<unknown, SqlDeps, MongoDeps>) => unknown): Storage {
  return Object.fromEntries(Object.entries(TABLE).map(([name, store]) => [name, open(store)])) as Storage;
}
