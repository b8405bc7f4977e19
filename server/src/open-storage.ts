import type { EventDraft, EventStore } from './modules/events/event-store.ts';
import type { History } from './modules/events/index.ts';
import { joinHistories } from './modules/events/join-histories.ts';
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
  /** Told of every change that carries an event, and of the database that has both, after its commit and before its verb returns. */
  onCommit: (event: EventDraft, database: Database) => void;
  /** The databases of stores that do not live on the main one, by the names of the stores. */
  elsewhere?: ReadonlyMap<string, Database>;
}

export interface OpenDatabases {
  /** Opens a table of stores, each on its database. */
  open<Table extends StoreTable>(table: Table): OpenStores<Table>;
  /** One for each database in use, the main one first. */
  histories: [main: History, ...others: History[]];
}

/** Opens tables of stores over databases that have been migrated, with one outbox for each database: `openStores(database, { onCommit }).open(TABLE).users`. */
export function openStores(main: Database, { onCommit, elsewhere = new Map() }: StorageOptions): OpenDatabases {
  const openers = new Map<Database, Opener>();
  const openerOf = (database: Database): Opener => {
    const opener = openers.get(database) ?? openerFor(database, (event) => onCommit(event, database));
    openers.set(database, opener);
    return opener;
  };
  const historyOf = (database: Database): History => ({
    database,
    events: openerOf(database)(stores.events) as EventStore,
  });
  return {
    open(table) {
      const opened = Object.entries(table).map(([name, store]) => [name, openerOf(elsewhere.get(name) ?? main)(store)]);
      return Object.fromEntries(opened);
    },
    histories: [historyOf(main), ...[...new Set(elsewhere.values())].map(historyOf)],
  };
}

type Opener = (store: StoreTable[string]) => unknown;

function openerFor(database: Database, onCommit: (event: EventDraft) => void): Opener {
  if (database.kind === 'sql') {
    const deps = { database, outbox: createSqlOutbox({ onCommit }) };
    return (store) => store.sql(deps);
  }
  const deps = { database, outbox: createMongoOutbox({ database, onCommit }) };
  return (store) => store.mongo(deps);
}

/** The stores of the server on one database. */
export function openStorage(database: Database, options: Pick<StorageOptions, 'onCommit'>): Storage {
  return openStores(database, options).open(stores);
}

/** The lists of a replica of the main database, with the events of the others. */
export function openReplicaStorage(replica: Database, others: readonly History[] = []): ReplicaStorage {
  const storage = openStorage(replica, { onCommit() {} });
  return {
    ...storage,
    events: joinHistories(
      storage.events,
      others.map(({ events }) => events),
    ),
  };
}
