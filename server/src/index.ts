/**
 * The front door of the package `ostiary`: what programs and modules outside of this repository import. Inside, modules import the files
 * themselves. `index.js` names the values again.
 */
export { type ColumnDefinitionBuilder, type Kysely, type Selectable, sql } from 'kysely';
export type { Db } from 'mongodb';
export type { Logger } from 'pino';
export { type Static, type TSchema, Type } from 'typebox';
export { createApp, type Ostiary } from './library.ts';
export { defineModule, type Module, ModuleError, type Services } from './module.ts';
export type { EventDraft, EventRecord, EventStore, EventTypes } from './modules/events/event-store.ts';
export type { EventHandler, Events } from './modules/events/events.ts';
export type { CollectionOutbox, MongoOutbox } from './modules/events/outbox.mongo.ts';
export type { SqlOutbox } from './modules/events/outbox.sql.ts';
export type { Files } from './modules/files/index.ts';
export type { Mail } from './modules/mails/mail.ts';
export type { Mails } from './modules/mails/mails.ts';
export type { Periodic } from './modules/schedules/periodic.ts';
export type { Sessions } from './modules/sessions/sessions.ts';
export type { UserRecord, UserStore } from './modules/users/user-store.ts';
export type { Users } from './modules/users/users.ts';
export type { Cache } from './platform/cache/cache.ts';
export { after, type Clock, DAY, HOUR, MINUTE, SECOND } from './platform/clock.ts';
export type { Config } from './platform/config/config.ts';
export type { KeyedHash } from './platform/crypto/keyed-hash.ts';
export type { Keyring } from './platform/crypto/keyring.ts';
export { both } from './platform/database/both.ts';
export { type Columns, createIndex } from './platform/database/columns.ts';
export { type Database, mongoOf, sqlOf, uniqueViolation } from './platform/database/database.ts';
export type { Migration } from './platform/database/migrations.ts';
export {
  type BoolColumn,
  type JsonColumn,
  type NullableTimeColumn,
  type TimeColumn,
  toDate,
  toDateOrNull,
} from './platform/database/values.ts';
export { type AppError, defineErrors } from './platform/errors.ts';
export { actorOf, subjectIdOf } from './platform/http/actor.ts';
export { type Access, type Caller, callerOf } from './platform/http/caller.ts';
export { type ListSource, type Lists, listQuery, listSchema } from './platform/http/paging.ts';
export type { Part, RoutePlugin } from './platform/http/part.ts';
export { nullable, timestamp } from './platform/http/schemas.ts';
export type { HttpServer } from './platform/http/server.ts';
export { SYSTEM_CALLER } from './platform/http/system-caller.ts';
export { isId, leastId, newId } from './platform/ids.ts';
export { defineJob, type JobContext } from './platform/queue/define-job.ts';
export type { Job, Jobs } from './platform/queue/jobs.ts';
export { purgeAll } from './platform/queue/purge.ts';
export { JobGivenUp } from './platform/queue/run-attempt.ts';
export { untilWon } from './platform/until-won.ts';
export { type Topic, topicOf } from './platform/websocket/topic.ts';
