import type { Logger } from 'pino';
import { createAuthority } from './modules/access/authority.ts';
import { BUILT_IN } from './modules/access/built-in-roles.ts';
import { accessErrors } from './modules/access/errors.ts';
import { createGrants } from './modules/access/grants.ts';
import { createMembers } from './modules/access/members.ts';
import { permissionRoutes } from './modules/access/permission-routes.ts';
import { reportRoles } from './modules/access/report-roles.ts';
import { roleRoutes } from './modules/access/role-routes.ts';
import { createRoles } from './modules/access/roles.ts';
import { createSetup, type Setup } from './modules/access/setup.ts';
import { setupRoutes } from './modules/access/setup-routes.ts';
import { createSubjectGate } from './modules/access/subject-gate.ts';
import { createSuperadmins } from './modules/access/superadmins.ts';
import { whoamiRoutes } from './modules/access/whoami-routes.ts';
import { createBulk } from './modules/admin/bulk.ts';
import { registerErasure } from './modules/admin/erasure.ts';
import { userActionRoutes } from './modules/admin/user-action-routes.ts';
import { createUserAdmin } from './modules/admin/user-admin.ts';
import { createUserList } from './modules/admin/user-list.ts';
import { userAdminRoutes } from './modules/admin/user-routes.ts';
import { registerAccountHandlers } from './modules/auth/account-handlers.ts';
import { createBlockNotice } from './modules/auth/block-notice.ts';
import { createBreachedPasswords } from './modules/auth/breached-passwords.ts';
import { authErrors, passwordErrors } from './modules/auth/errors.ts';
import { createInvitations } from './modules/auth/invitations.ts';
import { registerMailJobs } from './modules/auth/mail-jobs.ts';
import { createNewPasswords } from './modules/auth/new-passwords.ts';
import { createPasswordPolicy } from './modules/auth/password-policy.ts';
import { createPasswordSignIn } from './modules/auth/password-sign-in.ts';
import { createPasswords } from './modules/auth/passwords.ts';
import { createRegistrations } from './modules/auth/registration.ts';
import { registrationRoutes } from './modules/auth/registration-routes.ts';
import { authRoutes } from './modules/auth/routes.ts';
import { eventAdminRoutes } from './modules/events/admin-routes.ts';
import { createEventRecorder } from './modules/events/event-recorder.ts';
import { createEvents, type Events } from './modules/events/events.ts';
import { createEvictionFeed } from './modules/events/eviction-feed.ts';
import { createRelay, type Relay } from './modules/events/relay.ts';
import { eventRoutes } from './modules/events/routes.ts';
import { createAttackWatch } from './modules/guessing/attack-watch.ts';
import { createDeviceCookie } from './modules/guessing/device-cookie.ts';
import { createDeviceTokens } from './modules/guessing/device-tokens.ts';
import { guessingErrors } from './modules/guessing/errors.ts';
import { createGuessing, NO_GUESSING } from './modules/guessing/guessing.ts';
import { createProofOfWork } from './modules/guessing/proof-of-work.ts';
import { proveInBrowser } from './modules/guessing/prove-in-browser.ts';
import { createThrottles } from './modules/guessing/throttles.ts';
import { jobErrors } from './modules/jobs/errors.ts';
import { openQueue } from './modules/jobs/open-queue.ts';
import { jobRoutes } from './modules/jobs/routes.ts';
import { createWorkerHeartbeat } from './modules/jobs/worker-heartbeat.ts';
import { keyAdminRoutes } from './modules/keys/admin-routes.ts';
import { keyErrors } from './modules/keys/errors.ts';
import { registerKeyJobs } from './modules/keys/jobs.ts';
import { createKeys, type Keys } from './modules/keys/keys.ts';
import { jwksRoutes } from './modules/keys/routes.ts';
import { checkSecretKey } from './modules/keys/secret-check.ts';
import { mailboxRoutes } from './modules/mailbox/routes.ts';
import { GRACE_PERIOD, registerPurges } from './modules/maintenance/purges.ts';
import { pageRoutes } from './modules/pages/routes.ts';
import { encryptionErrors } from './modules/password-encryption/errors.ts';
import { createNonces } from './modules/password-encryption/nonces.ts';
import { createPasswordDecryptor } from './modules/password-encryption/password-decryptor.ts';
import { encryptionRoutes } from './modules/password-encryption/routes.ts';
import { createReplicas, type ReplicaSource } from './modules/replicas/replicas.ts';
import { scheduleErrors } from './modules/schedules/errors.ts';
import { scheduleRoutes } from './modules/schedules/routes.ts';
import { createScheduler, type Scheduler } from './modules/schedules/scheduler.ts';
import { createSchedules } from './modules/schedules/schedules.ts';
import { createAccessTokens } from './modules/sessions/access-token.ts';
import { createRefreshCookie } from './modules/sessions/cookie.ts';
import { sessionErrors } from './modules/sessions/errors.ts';
import { createRefreshTokens } from './modules/sessions/refresh-token.ts';
import { sessionRoutes } from './modules/sessions/routes.ts';
import { createSessionCredentials } from './modules/sessions/session-credentials.ts';
import { createSessionStates } from './modules/sessions/session-states.ts';
import { createSessions } from './modules/sessions/sessions.ts';
import { signInErrors } from './modules/sign-in/errors.ts';
import { createSignIn } from './modules/sign-in/index.ts';
import { signInRoutes } from './modules/sign-in/routes.ts';
import { userErrors } from './modules/users/errors.ts';
import { createReservedUsernames } from './modules/users/reserved-usernames.ts';
import { userRoutes } from './modules/users/routes.ts';
import type { UserRecord } from './modules/users/user-store.ts';
import { createUsers } from './modules/users/users.ts';
import { type Cache, createCache } from './platform/cache/cache.ts';
import type { Clock } from './platform/clock.ts';
import type { Config } from './platform/config/config.ts';
import { createKeyedHash } from './platform/crypto/keyed-hash.ts';
import { createKeyring } from './platform/crypto/keyring.ts';
import { createPasswordHasher, type PasswordHasher } from './platform/crypto/password-hasher.ts';
import { createRefusalDelay } from './platform/crypto/refusal-delay.ts';
import type { Database } from './platform/database/database.ts';
import { type ErrorTable, platformErrors } from './platform/errors.ts';
import { createRouteCatalogue, type RouteCatalogue } from './platform/http/catalogue.ts';
import { type CredentialKind, createAuthenticate } from './platform/http/credential-kind.ts';
import type { Probes } from './platform/http/health.ts';
import { createForgivableLimit } from './platform/http/limits.ts';
import { createLoadShedder } from './platform/http/load-shedder.ts';
import { createLists } from './platform/http/paging.ts';
import { createHttpServer, type HttpServer } from './platform/http/server.ts';
import { createCounters } from './platform/limits/counters.ts';
import type { Mailer } from './platform/mail/mail.ts';
import type { Mailbox } from './platform/mail/mailbox.ts';
import { createJobRegistry } from './platform/queue/job-registry.ts';
import { createJobs, type Jobs } from './platform/queue/jobs.ts';
import type { JobQueue } from './platform/queue/queue.ts';
import { createBus } from './platform/redis/bus.ts';
import type { RedisConnections } from './platform/redis/connect.ts';
import { openReplicaStorage, openStorage, type ReplicaStorage, type Storage } from './storage.ts';
import { TAGS } from './tags.ts';

export interface App {
  http: HttpServer;
  /** Every route, complete once `http` is ready. */
  catalogue: RouteCatalogue;
  storage: Storage;
  setup: Setup;
  keys: Keys;
  relay: Relay;
  jobs: Jobs;
  queue: JobQueue;
  scheduler: Scheduler;
  hasher: PasswordHasher;
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

/** Every code that a problem document can carry. */
export const errorTable: ErrorTable = {
  ...platformErrors.table,
  ...authErrors.table,
  ...passwordErrors.table,
  ...sessionErrors.table,
  ...signInErrors.table,
  ...accessErrors.table,
  ...guessingErrors.table,
  ...keyErrors.table,
  ...userErrors.table,
  ...jobErrors.table,
  ...scheduleErrors.table,
  ...encryptionErrors.table,
};

const API = '/api/v1';
/** What everybody is given who gets an account. */
const FIRST_ROLE_IDS = [BUILT_IN.user];
/** The contract's limit on proofs of a password: for one account, by one client. */
const PASSWORD_TRIES = { name: 'credentials', points: 5, duration: 60 };

/**
 * Composes the server on a database that is open and migrated: storage, services, events, routes, in this order.
 * Throws `WrongSecretKey`.
 */
export async function createApp(deps: {
  config: Config;
  database: Database;
  replicas?: ReplicaSource[];
  /** Carries jobs, counters and the bus; null: the database and each process do without. */
  redis: RedisConnections | null;
  mailer: Mailer;
  /** Where the development mailbox keeps its mails; null with SMTP. */
  mailbox: Mailbox | null;
  clock: Clock;
  /** Milliseconds that a request may wait for its password to be hashed. */
  longestWait?: number | undefined;
  /** Kinds of credentials besides sessions. */
  credentials: readonly CredentialKind[];
  /** For what must not depend on the time that the system's clock is set to. */
  steadyClock: Clock;
  log: Logger;
  version: string;
}): Promise<App> {
  const { config, database, redis, mailer, mailbox, clock, log, version } = deps;

  const evict = (target: string) => {
    states.evict(target);
    superadmins.evict(target);
    grants.evict(target);
    keys.evict(target);
  };
  const evictAll = async () => {
    states.clear();
    superadmins.clear();
    grants.clear();
    await keys.readAll();
  };
  const storage = openStorage(database, {
    onCommit(event) {
      if (event.evicts) {
        evict(event.target);
        bus?.publish(event.target);
      }
      if (event.pending) relay.wake();
      const who = event.actorId ?? event.userId;
      if (who) replicas.wrote(who);
    },
  });
  const replicas = createReplicas<ReplicaStorage>({
    sources: deps.replicas ?? [],
    primary: storage,
    storesOf: openReplicaStorage,
    clock: deps.steadyClock,
    log,
  });

  const keyring = createKeyring(config.secretKeys);
  const keyedHash = createKeyedHash(await checkSecretKey({ store: storage.secretChecks, keyring, clock }));
  const events: Events = createEvents({ clock });
  const relay = createRelay({ store: storage.events, events, clock, log });
  const recordEvent = createEventRecorder({ events, store: storage.events });

  const counters = config.rateLimits.enabled ? createCounters(redis, keyedHash) : null;
  const cache = createCache({ redis });
  const registry = createJobRegistry();
  const queue = await openQueue({ redis, store: storage.jobs, registry, clock, log });
  const jobs = createJobs({ registry, queue, clock });
  const heartbeat = createWorkerHeartbeat({ store: storage.workers, registry, queue, clock, log });
  const schedules = createSchedules({ store: storage.schedules, jobs, events, clock, log });
  const scheduler = createScheduler({ store: storage.schedules, events, jobs, clock, log });

  const feed = createEvictionFeed({ store: storage.events, evict, evictAll, log });
  // Faster than the feed, which is read anyway: a message that is lost only comes later.
  const onGap = () => void feed.poll().catch(() => {});
  const bus = redis && createBus({ redis, onMessage: evict, onGap });

  const keys = createKeys({
    store: storage.keys,
    events,
    keyring,
    algorithm: config.tokens.algorithm,
    rotation: config.keyRotation,
    clock,
    log,
  });
  const nonces = createNonces({ keyring, clock });
  const decryptor = createPasswordDecryptor({ nonces, store: storage.nonces, keys: keys.encryption });
  const catalogue = createRouteCatalogue();
  const superadmins = createSuperadmins({ store: storage.superadmins, users: storage.users, events, clock });
  const grants = createGrants({ store: storage.roles, superadmins, catalogue });
  const roleCodesOf = (user: UserRecord) => grants.roleCodesOf(user);
  const givenRoleCodesOf = async (user: UserRecord) => (await grants.rolesOf(user)).map(({ code }) => code);
  const delayRefusal = createRefusalDelay({ keyring });
  const users = createUsers({
    store: storage.users,
    events,
    keyring,
    firstRoleIds: FIRST_ROLE_IDS,
    isReserved: createReservedUsernames({
      host: new URL(config.publicUrl).hostname,
      entries: config.reservedUsernames,
    }),
    demandNotSuperadmin: superadmins.demandNotSuperadmin,
    delayRefusal,
    clock,
  });

  const accessTokens = createAccessTokens({
    keys: keys.signing,
    issuer: config.publicUrl,
    ttl: config.tokens.accessTtl,
    isBlind: () => feed.isBlind(),
    clock,
  });
  const refreshTokens = createRefreshTokens({ keyring });
  const verificationRequired = config.emailVerification === 'required';
  const states = createSessionStates({
    sessions: storage.sessions,
    users: storage.users,
    verificationRequired,
    clock,
    log,
  });
  const sessions = createSessions({
    store: storage.sessions,
    users: storage.users,
    events,
    accessTokens,
    refreshTokens,
    roleCodesOf,
    limits: config.tokens,
    clock,
  });

  const { argon2Memory: memory, argon2Passes: passes } = config.passwords;
  const { longestWait } = deps;
  const hasher = createPasswordHasher({ memory, passes, processes: config.workers, longestWait });
  const { breachPath } = config.passwords;
  const breached = breachPath === null ? null : createBreachedPasswords({ path: breachPath, log });
  const policy = createPasswordPolicy({ minLength: config.passwords.minLength, breached });
  const deviceTokens = createDeviceTokens({ keyring, clock });
  const passwordTries = createForgivableLimit(PASSWORD_TRIES, counters);
  const notifyOfBlock = createBlockNotice({ users, events, eventStore: storage.events, clock, log });
  const guessing = counters
    ? createGuessing({
        ...{ counters, passwordTries, notifyOfBlock, devices: deviceTokens },
        throttles: createThrottles({ store: storage.throttles, keyedHash, clock }),
        watch: createAttackWatch({ counters, events, eventStore: storage.events, clock, log }),
        proofs: config.proofOfWork ? createProofOfWork({ keyring, counters, clock }) : null,
      })
    : NO_GUESSING;
  const newPasswords = createNewPasswords({ userStore: storage.users, users, events, hasher, policy, clock });
  const base = { userStore: storage.users, users, events, keyring, hasher, guessing, policy, newPasswords, clock };
  const signIn = createSignIn({ ...base, sessions, counters, verifyEmail: verificationRequired });
  const registrations = createRegistrations({ ...base, store: storage.registrations, signIn, config });
  const passwords = createPasswords({ ...base, store: storage.challenges });
  const passwordSignIn = createPasswordSignIn({ ...base, sessions, signIn, keyedHash, delayRefusal, log });
  const setup = createSetup({ ...base, superadmins });
  const invitations = createInvitations({ ...base, signIn, delayRefusal });

  const sessionCredentials = createSessionCredentials({
    accessTokens,
    states,
    sessions: storage.sessions,
    users: storage.users,
    clock,
  });
  const credentials = [sessionCredentials, ...deps.credentials];
  const findPerson = async (id: string) => {
    const user = await storage.users.find(id);
    return user?.status === 'active' ? user : null;
  };
  const gate = createSubjectGate({ subjects: { person: findPerson }, credentials });
  const authority = createAuthority({ gate, grants, catalogue });
  const roles = createRoles({ store: storage.roles, authority, catalogue, events, clock });
  const members = createMembers({ users: storage.users, roles, grants, superadmins, authority, events, clock });
  const admin = createUserAdmin({
    ...{
      ...base,
      store: storage.users,
      eventStore: storage.events,
      authority,
      roles,
      superadmins,
      invitations,
      passwords,
    },
    firstRoleIds: FIRST_ROLE_IDS,
    forgive: guessing.forgive,
    async forgetAddress(emailNorm) {
      await storage.registrations.removeForEmail(emailNorm);
      await storage.challenges.removeForEmail(emailNorm);
    },
  });

  const accountStores = {
    eventStore: storage.events,
    registrationStore: storage.registrations,
    challengeStore: storage.challenges,
    userStore: storage.users,
  };
  registerMailJobs({
    ...{ ...accountStores, events, jobs, mailer, users, registrations, passwords, invitations, clock },
    publicUrl: config.publicUrl,
    gracePeriod: GRACE_PERIOD,
  });
  registerAccountHandlers({ ...accountStores, events });
  registerPurges({
    ...{ ...accountStores, jobs, schedules, admin, clock },
    sessionStore: storage.sessions,
    jobStore: redis ? null : storage.jobs,
    workerStore: storage.workers,
    throttleStore: storage.throttles,
    nonceStore: storage.nonces,
    eventRetention: config.eventRetention,
  });
  registerKeyJobs({ keys, jobs, schedules });
  registerErasure({
    ...{ events, eventStore: storage.events, sessionStore: storage.sessions },
    userStore: storage.users,
  });
  await keys.load();

  const isBlind = () => feed.isBlind();
  const authenticate = createAuthenticate({ kinds: credentials, isBlind });
  const pingRedis = async () => {
    await redis?.ping();
    return true;
  };
  const probes: Probes = {
    essential: {
      database: async () => {
        await database.ping();
        return !isBlind();
      },
    },
    // Without Redis jobs wait and each process counts for itself; nobody is kept from signing in.
    helpful: {
      ...(redis && { queue: pingRedis, cache: pingRedis }),
      ...(breached && { breachedPasswords: breached.isReadable }),
      ...(deps.replicas?.length && { replicas: async () => replicas.allServe() }),
    },
  };
  const http = await createHttpServer({
    ...{
      config,
      log,
      clock,
      authenticate,
      authorize: grants.authorize,
      rateOf: grants.rateOf,
      counters,
      catalogue,
      errorTable,
      probes,
      onDocsRequest: proveInBrowser,
      version,
      tags: TAGS,
    },
  });

  const cookie = createRefreshCookie(config);
  const devices = createDeviceCookie({ devices: deviceTokens, cookie, config });
  const list = createLists({ keyring });
  const endAll = users.endSessions;
  const loadShedder = createLoadShedder(hasher.refusal);
  const api = { prefix: API };
  // A worker answers probes, and nobody.
  if (config.role !== 'worker') await registerRoutes();

  async function registerRoutes(): Promise<void> {
    await http.register(registrationRoutes({ registrations, invitations, devices, decryptor, loadShedder }), api);
    await http.register(authRoutes({ passwordSignIn, passwords, devices, decryptor, passwordTries, loadShedder }), api);
    await http.register(signInRoutes({ signIn, cookie, devices, decryptor }), api);
    await http.register(sessionRoutes({ sessions, cookie, endAll }), api);
    await http.register(whoamiRoutes(), api);
    await http.register(userRoutes({ users, roleCodesOf, invalidCode: authErrors.code_invalid }), api);
    await http.register(eventRoutes({ readLists: replicas.read, list }), api);
    await http.register(
      permissionRoutes({ users, findUser: admin.find, grants, catalogue, verificationRequired, list }),
      api,
    );
    await http.register(roleRoutes({ roles, catalogue, list }), api);
    const userList = createUserList({ readLists: replicas.read, roles, superadmins, list });
    const bulk = createBulk({ admin, authorize: grants.authorize });
    await http.register(userAdminRoutes({ admin, userList, bulk, members, decryptor, givenRoleCodesOf, clock }), api);
    const { demandOver } = authority;
    await http.register(userActionRoutes({ admin, sessions, decryptor, demandOver, givenRoleCodesOf }), api);
    await http.register(eventAdminRoutes({ readLists: replicas.read, list, findUser: admin.find }), api);
    await http.register(jobRoutes({ queue, registry, heartbeat, recordEvent, list }), api);
    await http.register(scheduleRoutes({ schedules, eventStore: storage.events, jobs, queue, list }), api);
    await http.register(setupRoutes({ setup, decryptor, roleCodesOf }), api);
    await http.register(keyAdminRoutes({ keys }), api);
    await http.register(encryptionRoutes({ keys: keys.encryption, nonces }), api);
    await http.register(jwksRoutes({ keys: keys.signing }));
    await http.register(pageRoutes({ config, version }));
    if (mailbox) await http.register(mailboxRoutes({ mailbox }));
  }

  return {
    http,
    catalogue,
    storage,
    setup,
    keys,
    relay,
    jobs,
    queue,
    scheduler,
    hasher,
    cache,
    pollEvictions: () => feed.poll(),
    pollReplicas: () => replicas.poll(),
    async start() {
      // Before the first reading of the feed, which reads all keys.
      await keys.start();
      await feed.start();
      relay.start();
      replicas.start();
      if (config.role !== 'web') {
        await schedules.merge();
        await queue.start();
        heartbeat.start();
        scheduler.start();
      }
      if (config.role !== 'worker') reportRoles({ roles: await grants.roles(), catalogue, log });
    },
    async stop(grace = 0) {
      bus?.close();
      await Promise.all([scheduler.stop(), relay.stop(), feed.stop()]);
      await queue.stop(grace);
      await heartbeat.stop();
      await keys.stop();
      await replicas.stop();
    },
  };
}
