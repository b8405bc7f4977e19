import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { EventStore } from './modules/events/event-store.ts';
import type { Events } from './modules/events/events.ts';
import type { Files } from './modules/files/index.ts';
import type { Mails } from './modules/mails/index.ts';
import type { Periodic } from './modules/schedules/periodic.ts';
import type { Sessions } from './modules/sessions/sessions.ts';
import type { UserRecord, UserStore } from './modules/users/user-store.ts';
import type { Users } from './modules/users/users.ts';
import type { OpenStores, StoreTable } from './open-storage.ts';
import type { Cache } from './platform/cache/cache.ts';
import type { Clock } from './platform/clock.ts';
import type { Config } from './platform/config/config.ts';
import type { KeyedHash } from './platform/crypto/keyed-hash.ts';
import type { Keyring } from './platform/crypto/keyring.ts';
import type { ErrorTable } from './platform/errors.ts';
import type { Tag } from './platform/http/openapi/document.ts';
import type { Lists } from './platform/http/paging.ts';
import type { Part } from './platform/http/part.ts';
import type { Jobs } from './platform/queue/jobs.ts';

/** What `app.ts` has at hand for the modules of the server, and gives to those of others. */
export interface Services {
  ground: { events: Events; keyring: Keyring; keyedHash: KeyedHash; clock: Clock; log: Logger };
  config: Config;
  jobs: Jobs;
  /** Defines a job with a schedule of its own. */
  periodic: Periodic;
  mails: Mails;
  list: Lists;
  cache: Cache;
  users: Users;
  /** Throws `user_not_found`. */
  getUser(id: string): Promise<UserRecord>;
  sessions: Sessions;
  files: Files;
  userStore: UserStore;
  eventStore: EventStore;
}

/** A module that is kept outside of this repository: what those inside add to the lists of `storage.ts`, `errors.ts`, `tags.ts` and `app.ts`. */
export interface Module<Stores extends StoreTable = StoreTable> {
  /** Lower-case words joined by `-`; no other module has it. */
  name: string;
  /** The folder of its migrations: `new URL('./migrations/', import.meta.url)`. */
  migrations?: URL;
  /** Its stores: `{ notes: both(createSqlNoteStore, createMongoNoteStore) }`. */
  stores?: Stores;
  /** Its tables of error codes, of `defineErrors`. */
  errors?: readonly { table: ErrorTable }[];
  /** What the tags of its routes mean. */
  tags?: readonly Tag[];
  /** Its line of `app.ts`: `create: ({ ground, storage, list }) => createNotes({ ...ground, store: storage.notes, list })`. */
  create(services: Services & { storage: OpenStores<Stores> }): Part | Promise<Part>;
}

/** Infers the types of a module: `export const notes = defineModule({ name: 'notes', stores, create: ({ storage }) => … })`. */
export function defineModule<const Stores extends StoreTable = Record<never, never>>(
  module: Module<Stores>,
): Module<Stores> {
  return module;
}

/** A module, or the file that lists modules, cannot be used; the message is for whoever starts the server. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError';
}

const COPY = Symbol.for('ostiary: the copy of this process');

/** What one copy makes, another does not recognise: errors of a module that imports another copy than the server would all be bugs, 500. */
function demandOneCopy(process: { [COPY]?: string }): void {
  process[COPY] ??= import.meta.url;
  if (process[COPY] === import.meta.url) return;
  const folders = [process[COPY], import.meta.url].map((url) => fileURLToPath(new URL('..', url)));
  throw new ModuleError(
    `there are two copies of Ostiary, ${folders.join(' and ')}: run the one that the modules import`,
  );
}

demandOneCopy(globalThis as { [COPY]?: string });
