import type { Logger } from 'pino';
import { addModules } from './added-modules.ts';
import { type Commit, followChanges } from './follow-changes.ts';
import type { Module } from './module.ts';
import {
  createAccess,
  createPermissions,
  createRoles,
  demandMfaOfAdministrators,
  FIRST_ROLE_IDS,
  reportRoles,
  type Setup,
} from './modules/access/index.ts';
import { createAdmin } from './modules/admin/index.ts';
import { createApiKeys, createKeyReading } from './modules/api-keys/index.ts';
import { createAuth, createBlockNotice, createPasswordRules } from './modules/auth/index.ts';
import { createEmailSignIn } from './modules/email-sign-in/index.ts';
import { createEventLog, createEvents, createHistory, joinHistories, type Relay } from './modules/events/index.ts';
import { createFactorRoutes, createFactors, createHandsOver } from './modules/factors/index.ts';
import { createFiles } from './modules/files/index.ts';
import { createAddressBounds, createGuessing, proveInBrowser } from './modules/guessing/index.ts';
import { createImports, type Imports } from './modules/imports/index.ts';
import { createJobAdmin, createJobs } from './modules/jobs/index.ts';
import { checkSecretKey, createKeys, type Keys } from './modules/keys/index.ts';
import { createMailboxPage } from './modules/mailbox/index.ts';
import { createMails } from './modules/mails/index.ts';
import { createMfa, createMfaRules, type FactorResets } from './modules/mfa/index.ts';
import { createPages } from './modules/pages/index.ts';
import { createPasswordEncryption } from './modules/password-encryption/index.ts';
import { createRealtime } from './modules/realtime/index.ts';
import { createReplicas, type ReplicaSource } from './modules/replicas/index.ts';
import { createSchedules, type Scheduler } from './modules/schedules/index.ts';
import { createSessions } from './modules/sessions/index.ts';
import { createSignIn } from './modules/sign-in/index.ts';
import { createUsers, rememberUsers } from './modules/users/index.ts';
import { openReplicaStorage, openStores, type ReplicaStorage, type Storage } from './open-storage.ts';
import { type Cache, createCache } from './platform/cache/cache.ts';
import type { Clock } from './platform/clock.ts';
import type { Config } from './platform/config/config.ts';
import { createKeyedHash } from './platform/crypto/keyed-hash.ts';
import { createKeyring } from './platform/crypto/keyring.ts';
import type { PasswordHasher } from './platform/crypto/password-hasher.ts';
import { createRefusalDelay } from './platform/crypto/refusal-delay.ts';
import type { Database } from './platform/database/database.ts';
import type { Caller } from './platform/http/caller.ts';
import { createRouteCatalogue, type RouteCatalogue } from './platform/http/catalogue.ts';
import { type CredentialKind, createAuthenticate, createTokenReader } from './platform/http/credential-kind.ts';
import { createLists } from './platform/http/paging.ts';
import { type Part, registerParts } from './platform/http/part.ts';
import { createHttpServer, type HttpServer } from './platform/http/server.ts';
import { createCounters } from './platform/limits/counters.ts';
import type { Mailer } from './platform/mail/mail.ts';
import type { Mailbox } from './platform/mail/mailbox.ts';
import type { ObjectStorage } from './platform/objects/objects.ts';
import { openObjects } from './platform/objects/open-objects.ts';
import type { Jobs } from './platform/queue/jobs.ts';
import type { JobQueue } from './platform/queue/queue.ts';
import type { RedisConnections } from './platform/redis/connect.ts';
import { createSignal } from './platform/signal.ts';
import { createProbes } from './probes.ts';
import * as STORES from './storage.ts';
import type { OpenStoreDatabase } from './store-databases.ts';

export interface App {
  http: HttpServer;
  /** Every route, complete once `http` is ready. */
  catalogue: RouteCatalogue;
  storage: Storage;
  setup: Setup;
  imports: Imports;
  factorResets: FactorResets;
  keys: Keys;
  relay: Relay;
  jobs: Jobs;
  queue: JobQueue;
  scheduler: Scheduler;
  hasher: PasswordHasher;
  /** Where files are. */
  objects: ObjectStorage;
  /** For modules: what is dear to work out and may be somewhat old. */
  cache: Cache;
  /** Reads what other instances changed, at once. */
  pollEvictions(): Promise<void>;
  /** Sees how far the replicas are, at once. */
  pollReplicas(): Promise<void>;
  /** Delivers events, runs jobs and follows other instances from now on. */
  start(): Promise<void>;
  /** Ends that, after what is under way; jobs get `grace` milliseconds. */
  stop(grace?: number): Promise<void>;
}

/**
 * Composes the server on a database that is open and migrated: storage, services, events, routes, in this order.
 * Throws `WrongSecretKey`, and `ModuleError` for modules that do not fit.
 */
export async function createApp(deps: {
  config: Config;
  database: Database;
  /** The databases of single stores, open and migrated, too. */
  elsewhere?: readonly OpenStoreDatabase[];
  replicas?: ReplicaSource[];
  /** Carries jobs, counters and the bus; null: the database and each process do without. */
  redis: RedisConnections | null;
  mailer: Mailer;
  /** Where the development mailbox keeps its mails; null with SMTP. */
  mailbox: Mailbox | null;
  clock: Clock;
  /** Milliseconds that a request may wait for its password to be decrypted, and to be hashed. */
  longestWait?: number | undefined;
  /** Milliseconds without news from the database after which what is remembered counts as out of date. */
  blindAfter?: number | undefined;
  /** Kinds of credentials besides sessions and keys. */
  credentials: readonly CredentialKind[];
  /** Modules that are kept outside of this repository. */
  modules: readonly Module[];
  /** False while the event loop stood still lately. */
  isLoopWell: () => boolean;
  /** For what must not depend on the time that the system's clock is set to. */
  steadyClock: Clock;
  log: Logger;
  version: string;
}): Promise<App> {
  const { config, database, elsewhere = [], redis, mailer, mailbox, clock, longestWait, log, version } = deps;

  const commits = createSignal<Commit>('what is committed');
  const { open, histories } = openStores(database, {
    onCommit: (event, database) => commits.emit({ event, database }),
    elsewhere: new Map(elsewhere.flatMap(({ stores, database }) => stores.map((name) => [name, database]))),
  });
  const [, ...otherHistories] = histories;
  const stores = open(STORES);
  const { users: rememberingUsers, remembered } = rememberUsers(stores.users, database, config.publicUrl);
  const allEvents = joinHistories(
    stores.events,
    otherHistories.map(({ events }) => events),
  );
  const storage: Storage = { ...stores, users: rememberingUsers, events: allEvents };
  const replicas = createReplicas<ReplicaStorage>({
    sources: deps.replicas ?? [],
    primary: storage,
    storesOf: (replica) => openReplicaStorage(replica, otherHistories),
    clock: deps.steadyClock,
    log,
  });

  const keyring = createKeyring(config.secretKeys);
  const keyedHash = createKeyedHash(await checkSecretKey({ store: storage.secretChecks, keyring, clock }));
  const events = createEvents({ clock });
  const ground = { events, keyring, keyedHash, clock, log };
  const list = createLists({ keyring });
  const cache = createCache({ redis });
  const objects = await openObjects({ config, keyring, clock });
  const counters = config.rateLimits.enabled ? createCounters(redis, keyedHash) : null;

  const { events: eventStore, users: userStore } = storage;
  const eventLog = createEventLog({ ...ground, histories, blindAfter: deps.blindAfter });
  const { relay, isBlind } = eventLog;
  const jobStores = { store: storage.jobs, workerStore: storage.workers };
  const work = await createJobs({ ...ground, ...jobStores, redis });
  const { jobs, queue, heartbeat } = work;
  const scheduling = createSchedules({ ...ground, store: storage.schedules, eventStore, jobs, queue, list });
  const { schedules, scheduler, periodic } = scheduling;
  const mails = createMails({ ...ground, eventStore, userStore, jobs, mailer });

  const keys = createKeys({ ...ground, config, store: storage.keys, periodic });
  const nonceKeys = { store: storage.nonces, keys: keys.encryption };
  const encryption = createPasswordEncryption({ ...ground, ...nonceKeys, periodic, longestWait });

  // What most modules of accounts need. What fewer need is named where it goes in.
  const base = { ...ground, config, userStore, eventStore, periodic, mails };
  const catalogue = createRouteCatalogue();
  const delayRefusal = createRefusalDelay({ keyring });
  const verificationRequired = config.emailVerification === 'required';
  const bounds = createAddressBounds({ ...ground, store: storage.throttles });
  const newcomers = { firstRoleIds: FIRST_ROLE_IDS, delayRefusal, bounds };

  const roleStores = { store: storage.roles, superadminStore: storage.superadmins, userStore };
  const permissions = createPermissions({ ...ground, ...roleStores, catalogue });
  const { grants, scopes, roleCodesOf, roleCodesFor, superadmins } = permissions;
  const accounts = createUsers({ ...base, ...newcomers, remembered, roleCodesOf, superadmins });
  const { users } = accounts;
  const proofs = { keys: keys.signing, isBlind, verificationRequired };
  const sessionModule = createSessions({
    ...base,
    ...proofs,
    store: storage.sessions,
    users,
    roleCodesOf,
    roleCodesFor,
  });
  const { sessions, cookie } = sessionModule;
  const rules = createPasswordRules({ ...ground, config, userStore, users, longestWait });
  const notifyOfBlock = createBlockNotice({ ...ground, eventStore, users });
  const protection = createGuessing({ ...base, store: storage.throttles, counters, cookie, notifyOfBlock });
  const people = { users, sessions, cookie, ...rules, ...protection, decryptor: encryption.decryptor };
  const byMail = config.emailSignIn.mode === 'off' ? [] : ['email'];
  const waysIn = ['password', ...(config.passkeys ? ['passkey'] : []), ...byMail];
  const factorModule = createFactors({ ...base, store: storage.factors });
  const factorStores = { factorStore: storage.factors, demands: storage.mfaDemands };
  const mfaRules = createMfaRules({ ...base, ...factorStores, ...factorModule, grants });
  const factors = { ...factorModule, ...mfaRules };
  // Loaded only if there are passkeys, to save time and memory at start.
  const passkeys =
    config.passkeys &&
    (await import('./modules/passkeys/index.ts')).createPasskeys({
      ...base,
      ...factors,
      rp: config.passkeys,
      store: storage.factors,
      nonceStore: storage.nonces,
      recordEvent: eventLog.record,
    });
  const [authenticatorApp, ...others] = factors.secondFactors;
  const secondFactors = [authenticatorApp, ...(passkeys ? [passkeys.factor] : []), ...others] as const;
  const signInModule = createSignIn({
    ...base,
    ...people,
    ...factors,
    secondFactors,
    waysIn,
    verifyEmail: verificationRequired,
    stopReset: (caller, user) => mfa.resets.cancelByFactor(caller, user),
  });
  const { signIn, reauthentication } = signInModule;
  const handsOver = createHandsOver({ ...factors, verificationRequired });
  const addressStores = { registrationStore: storage.registrations, challengeStore: storage.challenges };
  const auth = createAuth({
    ...base,
    ...people,
    ...addressStores,
    bounds,
    delayRefusal,
    signIn,
    reauthentication,
    handsOver,
  });
  const mailing = { store: storage.challenges, bounds, delayRefusal, handsOver };
  const emailSignIn = createEmailSignIn({ ...base, ...people, ...mailing, signIn });
  const keyStores = { store: storage.apiKeys, serviceStore: storage.serviceAccounts };
  const keyReading = createKeyReading({ ...base, ...keyStores, counters, verificationRequired });
  const credentials = [sessionModule.credentials, keyReading.kind, ...deps.credentials];
  const { findService, explainKey } = keyReading;
  const subjects = { credentials, findService, services: storage.serviceAccounts };
  const roleModule = createRoles({ ...ground, ...permissions, ...roleStores, ...subjects, catalogue });
  const admin = createAdmin({
    ...base,
    ...people,
    ...permissions,
    ...roleModule,
    ...auth,
    ...addressStores,
    ...newcomers,
    sessionStore: storage.sessions,
    jobs,
    readLists: replicas.read,
    list,
  });
  const { getUser } = admin;
  const { roles, authority } = roleModule;
  const waitingForFactor = (caller: Caller, flowToken: string) => signIn.waitingFor(caller, 'mfa', flowToken);
  const mfa = createMfa({ ...base, ...factorStores, ...mfaRules, users, authority, waitingForFactor, delayRefusal });
  const shown = { config, catalogue, list, getUser, verificationRequired, explainKey };
  const access = createAccess({ ...ground, ...people, ...permissions, ...shown, userStore, roles });

  const fileStores = { store: storage.files, objects };
  const fileModule = createFiles({ ...base, ...fileStores, users, grants, roleCodesOf, list });

  const apiKeys = createApiKeys({
    ...base,
    ...keyStores,
    users,
    keyReading,
    authority,
    roles,
    grants,
    scopes,
    list,
  });

  const probes = createProbes({
    database,
    elsewhere,
    redis,
    isBlind,
    breached: rules.breached,
    replicas: deps.replicas?.length ? replicas : null,
    isLoopWell: deps.isLoopWell,
    heartbeats: storage.heartbeats,
    clock: deps.steadyClock,
    log,
  });
  const reading = { readLists: replicas.read, list, getUser };
  const history = createHistory({ ...ground, ...reading, store: eventStore, periodic, config });
  const { record: recordEvent } = eventLog;
  const jobAdmin = createJobAdmin({ ...ground, ...work, ...jobStores, redis, recordEvent, periodic, list });

  const imports = createImports({
    ...ground,
    ...newcomers,
    store: storage.imports,
    userStore,
    roleStore: storage.roles,
    superadminStore: storage.superadmins,
    users,
    recordEvent,
  });

  const realtime = createRealtime({
    ...ground,
    config,
    stores: histories.map(({ events }) => events),
    topics: () => parts.flatMap(({ topics = [] }) => topics),
    actorOf: createTokenReader({ kinds: credentials, isBlind }),
    authorize: grants.authorize,
    catalogue,
    isBlind,
  });

  const added = await addModules(deps.modules, {
    ...base,
    ground,
    jobs,
    list,
    cache,
    users,
    getUser,
    sessions,
    files: fileModule.files,
    open,
  });

  const parts: Part[] = [
    auth.part,
    emailSignIn,
    signInModule.part,
    createFactorRoutes({ ...ground, ...people, ...factors, signIn }),
    ...(passkeys
      ? [passkeys.createRoutes({ ...people, ...permissions, ...roleModule, ...factors, signIn, getUser })]
      : []),
    sessionModule.part,
    accounts.part,
    history,
    access.part,
    mfa.part,
    apiKeys,
    admin.part,
    fileModule.part,
    jobAdmin,
    scheduling.part,
    keys.part,
    encryption.part,
    createPages({ config, version }),
    createMailboxPage({ mailbox }),
    realtime.part,
    ...added.parts,
  ];

  const otherForms = parts.flatMap(({ tokens = [] }) => tokens);
  const authenticate = createAuthenticate({ kinds: credentials, otherForms, isBlind });
  const changes = followChanges({ parts, addedParts: added.parts, commits, eventLog, replicas, realtime, redis });
  await keys.load();
  await demandMfaOfAdministrators({ ...ground, ...roleStores, environment: config.environment });

  const { authorize, rateOf } = grants;
  const guards = { authenticate, authorize, rateOf };
  const http = await createHttpServer({
    ...ground,
    ...guards,
    config,
    counters,
    catalogue,
    errorTable: added.errorTable,
    probes,
    onDocsRequest: proveInBrowser,
    version,
    tags: added.tags,
  });
  http.draining.whenNow.push(realtime.stop);
  // A worker answers probes, and nobody.
  if (config.role !== 'worker') await registerParts(http, parts);

  return {
    http,
    catalogue,
    storage,
    setup: access.setup,
    imports,
    factorResets: mfa.resets,
    keys,
    relay,
    jobs,
    queue,
    scheduler,
    hasher: rules.hasher,
    objects,
    cache,
    pollEvictions: changes.poll,
    pollReplicas: () => replicas.poll(),
    async start() {
      // Before the first reading of changes, which reads all keys.
      await keys.start();
      await changes.start();
      relay.start();
      replicas.start();
      if (config.role !== 'web') {
        await heartbeat.demandAlone();
        await schedules.merge();
        await queue.start();
        heartbeat.start();
        scheduler.start();
      }
      await passkeys?.reportLost();
      if (config.role !== 'worker') reportRoles({ roles: await grants.roles(), catalogue, log });
    },
    async stop(grace = 0) {
      await Promise.all([scheduler.stop(), relay.stop(), changes.stop()]);
      await queue.stop(grace);
      await heartbeat.stop();
      await keys.stop();
      await replicas.stop();
    },
  };
}
