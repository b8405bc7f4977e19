import type { EventDraft } from './modules/events/event-store.ts';
import { createMongoOutbox, type MongoOutbox } from './modules/events/outbox.mongo.ts';
import { createSqlOutbox, type SqlOutbox } from './modules/events/outbox.sql.ts';
import type { Adapters } from './platform/database/both.ts';
import type { Database } from './platform/database/database.ts';
import * as stores from './storage.ts';

/** What the adapters of a store may ask for. */
export type SqlDeps = { database: Database; outbox: SqlOutbox };
export type MongoDeps = { database: Database; outbox: MongoOutbox };

/** Stores by the names that they have: `{ users: both(createSqlUserStore, createMongoUserStore) }`. */
export type StoreTable = Readonly<Record<string, Adapters<unknown, SqlDeps, MongoDeps>>>;
/** The stores of a table, open. */
export type OpenStores<Table extends StoreTable> = { -readonly [Name in keyof Table]: ReturnType<Table[Name]['sql']> };

/** Every store of the server. Modules take the type, and what they need of it comes in through their `create…` function. */
export interface Storage extends OpenStores<typeof stores> {}

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

/** Opens tables of stores over one database, which must have been migrated, with one outbox for all: `openStores(database, { onCommit })(TABLE).users`. */
export function openStores(
  database: Database,
  { onCommit }: StorageOptions,
): <Table extends StoreTable>(table: Table) => OpenStores<Table> {
  if (database.kind === 'sql') {
    const deps = { database, outbox: createSqlOutbox({ onCommit }) };
    return (table) => opened(table, (store) => store.sql(deps));
  }
  const deps = { database, outbox: createMongoOutbox({ database, onCommit }) };
  return (table) => opened(table, (store) => store.mongo(deps));
}

function opened<Table extends StoreTable>(table: Table, open: (store: StoreTable[string]) => unknown) {
  return Object.fromEntries(Object.entries(table).map(([name, store]) => [name, open(store)])) as OpenStores<Table>;
}

/** The stores of the server for the database that is in use. */
export function openStorage(database: Database, options: StorageOptions): Storage {
  return openStores(database, options)(stores);
}

/** The lists of a replica. */
export function openReplicaStorage(replica: Database): ReplicaStorage {
  return openStorage(replica, { onCommit() {} });
}
