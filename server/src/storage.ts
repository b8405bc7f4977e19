import { createMongoRoleStore } from './modules/access/role-store.mongo.ts';
import { createSqlRoleStore } from './modules/access/role-store.sql.ts';
import type { RoleStore } from './modules/access/role-store.ts';
import { createMongoSuperadminStore } from './modules/access/superadmin-store.mongo.ts';
import { createSqlSuperadminStore } from './modules/access/superadmin-store.sql.ts';
import type { SuperadminStore } from './modules/access/superadmin-store.ts';
import { createMongoChallengeStore } from './modules/auth/challenge-store.mongo.ts';
import { createSqlChallengeStore } from './modules/auth/challenge-store.sql.ts';
import type { ChallengeStore } from './modules/auth/challenge-store.ts';
import { createMongoRegistrationStore } from './modules/auth/registration-store.mongo.ts';
import { createSqlRegistrationStore } from './modules/auth/registration-store.sql.ts';
import type { RegistrationStore } from './modules/auth/registration-store.ts';
import { createMongoEventStore } from './modules/events/event-store.mongo.ts';
import { createSqlEventStore } from './modules/events/event-store.sql.ts';
import type { EventDraft, EventStore } from './modules/events/event-store.ts';
import { createMongoOutbox } from './modules/events/outbox.mongo.ts';
import { createSqlOutbox } from './modules/events/outbox.sql.ts';
import { createMongoThrottleStore } from './modules/guessing/throttle-store.mongo.ts';
import { createSqlThrottleStore } from './modules/guessing/throttle-store.sql.ts';
import type { ThrottleStore } from './modules/guessing/throttle-store.ts';
import { createMongoJobStore } from './modules/jobs/job-store.mongo.ts';
import { createSqlJobStore } from './modules/jobs/job-store.sql.ts';
import type { JobStore } from './modules/jobs/job-store.ts';
import { createMongoWorkerStore } from './modules/jobs/worker-store.mongo.ts';
import { createSqlWorkerStore } from './modules/jobs/worker-store.sql.ts';
import type { WorkerStore } from './modules/jobs/worker-store.ts';
import { createMongoKeyStore } from './modules/keys/key-store.mongo.ts';
import { createSqlKeyStore } from './modules/keys/key-store.sql.ts';
import type { KeyStore } from './modules/keys/key-store.ts';
import { createMongoSecretCheckStore } from './modules/keys/secret-check-store.mongo.ts';
import { createSqlSecretCheckStore } from './modules/keys/secret-check-store.sql.ts';
import type { SecretCheckStore } from './modules/keys/secret-check-store.ts';
import { createMongoNonceStore } from './modules/password-encryption/nonce-store.mongo.ts';
import { createSqlNonceStore } from './modules/password-encryption/nonce-store.sql.ts';
import type { NonceStore } from './modules/password-encryption/nonce-store.ts';
import { createMongoHeartbeatStore } from './modules/replicas/heartbeat-store.mongo.ts';
import { createSqlHeartbeatStore } from './modules/replicas/heartbeat-store.sql.ts';
import type { HeartbeatStore } from './modules/replicas/heartbeat-store.ts';
import { createMongoScheduleStore } from './modules/schedules/schedule-store.mongo.ts';
import { createSqlScheduleStore } from './modules/schedules/schedule-store.sql.ts';
import type { ScheduleStore } from './modules/schedules/schedule-store.ts';
import { createMongoSessionStore } from './modules/sessions/session-store.mongo.ts';
import { createSqlSessionStore } from './modules/sessions/session-store.sql.ts';
import type { SessionStore } from './modules/sessions/session-store.ts';
import { createMongoUserStore } from './modules/users/user-store.mongo.ts';
import { createSqlUserStore } from './modules/users/user-store.sql.ts';
import type { UserStore } from './modules/users/user-store.ts';
import type { Database } from './platform/database/database.ts';

/** Every store of the server. Modules take the type, and what they need of it comes in through their `create…` function. */
export interface Storage {
  events: EventStore;
  users: UserStore;
  registrations: RegistrationStore;
  challenges: ChallengeStore;
  sessions: SessionStore;
  keys: KeyStore;
  secretChecks: SecretCheckStore;
  superadmins: SuperadminStore;
  roles: RoleStore;
  jobs: JobStore;
  workers: WorkerStore;
  schedules: ScheduleStore;
  throttles: ThrottleStore;
  nonces: NonceStore;
  heartbeats: HeartbeatStore;
}

/** What a replica may be asked for: lists and histories. Never what decides, for it may be a little old. */
export interface ReplicaStorage {
  users: Pick<UserStore, 'list' | 'count'>;
  events: Pick<EventStore, 'list' | 'count'>;
  heartbeats: Pick<HeartbeatStore, 'find'>;
}

export interface StorageOptions {
  /** Told of every change that carries an event, after its commit and before its verb returns. */
  onCommit: (event: EventDraft) => void;
}

/** The stores for the database that is in use; it must have been migrated. */
export function openStorage(database: Database, options: StorageOptions): Storage {
  return database.kind === 'sql' ? sqlStorage(database, options) : mongoStorage(database, options);
}

/** The lists of a replica. */
export function openReplicaStorage(replica: Database): ReplicaStorage {
  return openStorage(replica, { onCommit() {} });
}

function sqlStorage(database: Database, { onCommit }: StorageOptions): Storage {
  const outbox = createSqlOutbox({ onCommit });
  return {
    events: createSqlEventStore({ database, outbox }),
    users: createSqlUserStore({ database, outbox }),
    registrations: createSqlRegistrationStore({ database, outbox }),
    challenges: createSqlChallengeStore({ database, outbox }),
    sessions: createSqlSessionStore({ database, outbox }),
    keys: createSqlKeyStore({ database, outbox }),
    secretChecks: createSqlSecretCheckStore({ database }),
    superadmins: createSqlSuperadminStore({ database, outbox }),
    roles: createSqlRoleStore({ database, outbox }),
    jobs: createSqlJobStore({ database }),
    workers: createSqlWorkerStore({ database }),
    schedules: createSqlScheduleStore({ database, outbox }),
    throttles: createSqlThrottleStore({ database }),
    nonces: createSqlNonceStore({ database }),
    heartbeats: createSqlHeartbeatStore({ database }),
  };
}

function mongoStorage(database: Database, { onCommit }: StorageOptions): Storage {
  const outbox = createMongoOutbox({ database, onCommit });
  return {
    events: createMongoEventStore({ database, outbox }),
    users: createMongoUserStore({ database, outbox }),
    registrations: createMongoRegistrationStore({ database, outbox }),
    challenges: createMongoChallengeStore({ database, outbox }),
    sessions: createMongoSessionStore({ database, outbox }),
    keys: createMongoKeyStore({ database, outbox }),
    secretChecks: createMongoSecretCheckStore({ database }),
    superadmins: createMongoSuperadminStore({ database, outbox }),
    roles: createMongoRoleStore({ database, outbox }),
    jobs: createMongoJobStore({ database }),
    workers: createMongoWorkerStore({ database }),
    schedules: createMongoScheduleStore({ database, outbox }),
    throttles: createMongoThrottleStore({ database }),
    nonces: createMongoNonceStore({ database }),
    heartbeats: createMongoHeartbeatStore({ database }),
  };
}
