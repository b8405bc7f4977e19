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
import { registerErasureOfDeleted } from './modules/admin/jobs.ts';
import { userActionRoutes } from './modules/admin/user-action-routes.ts';
import { createUserAdmin } from './modules/admin/user-admin.ts';
import { createUserList } from './modules/admin/user-list.ts';
import { userAdminRoutes } from './modules/admin/user-routes.ts';
import { registerAccountHandlers } from './modules/auth/account-handlers.ts';
import { createBlockNotice } from './modules/auth/block-notice.ts';
import { createBreachedPasswords } from './modules/auth/breached-passwords.ts';
import { authErrors, passwordErrors } from './modules/auth/errors.ts';
import { createInvitations } from './modules/auth/invitations.ts';
import { registerAuthPurges } from './modules/auth/jobs.ts';
import * as authMails from './modules/auth/mails.ts';
import { createNewPasswords } from './modules/auth/new-passwords.ts';
import { createPasswordPolicy } from './modules/auth/password-policy.ts';
import { createPasswordSignIn } from './modules/auth/password-sign-in.ts';
import { createPasswords } from './modules/auth/passwords.ts';
import { createRegistrations } from './modules/auth/registration.ts';
import { registrationRoutes } from './modules/auth/registration-routes.ts';
import { authRoutes } from './modules/auth/routes.ts';
import { createEventLog, createEvents, createHistory, type EventDraft, type Relay } from './modules/events/index.ts';
import { createDeviceCookie, createGuessing, guessingErrors, proveInBrowser } from './modules/guessing/index.ts';
import { createJobAdmin, createJobs, jobErrors } from './modules/jobs/index.ts';
import { checkSecretKey, createKeys, type Keys, keyErrors } from './modules/keys/index.ts';
import { createMailboxPage } from './modules/mailbox/index.ts';
import { createMails } from './modules/mails/index.ts';
import { createPages } from './modules/pages/index.ts';
import { createPasswordEncryption, encryptionErrors } from './modules/password-encryption/index.ts';
import { createReplicas, type ReplicaSource } from './modules/replicas/index.ts';
import { createSchedules, type Scheduler, scheduleErrors } from './modules/schedules/index.ts';
import { createAccessTokens } from './modules/sessions/access-token.ts';
import { createRefreshCookie } from './modules/sessions/cookie.ts';
import { sessionErrors } from './modules/sessions/errors.ts';
import { registerSessionPurge } from './modules/sessions/jobs.ts';
import * as sessionMails from './modules/sessions/mails.ts';
import { createRefreshTokens } from './modules/sessions/refresh-token.ts';
import { sessionRoutes } from './modules/sessions/routes.ts';
import { createSessionCredentials } from './modules/sessions/session-credentials.ts';
import { createSessionStates } from './modules/sessions/session-states.ts';
import { createSessions } from './modules/sessions/sessions.ts';
import { createSignIn, signInErrors, signInRoutes } from './modules/sign-in/index.ts';
import { userErrors } from './modules/users/errors.ts';
import * as userMails from './modules/users/mails.ts';
import { createReservedUsernames } from './modules/users/reserved-usernames.ts';
import { userRoutes } from './modules/users/routes.ts';
import type { UserRecord } from './modules/users/user-store.ts';
import { createUsers } from './modules/users/users.ts';
import { openReplicaStorage, openStorage, type ReplicaStorage, type Storage } from './open-storage.ts';
import { type Cache, createCache } from './platform/cache/cache.ts';
import type { Clock } from './platform/clock.ts';
import type { Config } from './platform/config/config.ts';
import { createKeyedHash } from './platform/crypto/keyed-hash.ts';
import { createKeyring } from './platform/crypto/keyring.ts';
import { createPasswordHasher, type PasswordHasher } from './platform/crypto/password-hasher.ts';
import { createRefusalDelay } from './platform/crypto/refusal-delay.ts';
import type { Database } from './platform/database/database.ts';
import { mergeErrors, platformErrors } from './platform/errors.ts';
import { createRouteCatalogue, type RouteCatalogue } from './platform/http/catalogue.ts';
import { type CredentialKind, createAuthenticate } from './platform/http/credential-kind.ts';
import type { Probes } from './platform/http/health.ts';
import { createLoadShedder } from './platform/http/load-shedder.ts';
import { createLists } from './platform/http/paging.ts';
import { type Part, registerParts, rememberedBy } from './platform/http/part.ts';
import { createHttpServer, type HttpServer } from './platform/http/server.ts';
import { createCounters } from './platform/limits/counters.ts';
import type { Mailer } from './platform/mail/mail.ts';
import type { Mailbox } from './platform/mail/mailbox.ts';
import type { Jobs } from './platform/queue/jobs.ts';
import type { JobQueue } from './platform/queue/queue.ts';
import { createBus } from './platform/redis/bus.ts';
import type { RedisConnections } from './platform/redis/connect.ts';
import { createSignal } from './platform/signal.ts';

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
export const errorTable = mergeErrors(
  platformErrors,
  authErrors,
  passwordErrors,
  sessionErrors,
  signInErrors,
  accessErrors,
  guessingErrors,
  keyErrors,
  userErrors,
  jobErrors,
  scheduleErrors,
  encryptionErrors,
);

/** What everybody is given who gets an account. */
const FIRST_ROLE_IDS = [BUILT_IN.user];
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

  const commits = createSignal<EventDraft>('what is committed');
  const storage = openStorage(database, { onCommit: commits.emit });
  const replicas = createReplicas<ReplicaStorage>({
    sources: deps.replicas ?? [],
    primary: storage,
    storesOf: openReplicaStorage,
    clock: deps.steadyClock,
    log,
  });

  const keyring = createKeyring(config.secretKeys);
  const keyedHash = createKeyedHash(await checkSecretKey({ store: storage.secretChecks, keyring, clock }));
  const events = createEvents({ clock });
  const ground = { events, keyring, keyedHash, clock, log };
  const list = createLists({ keyring });
  const cache = createCache({ redis });
  const counters = config.rateLimits.enabled ? createCounters(redis, keyedHash) : null;

  const eventStore = storage.events;
  const eventLog = createEventLog({ ...ground, store: eventStore });
  const { relay, isBlind } = eventLog;
  const jobStores = { store: storage.jobs, workerStore: storage.workers };
  const work = await createJobs({ ...ground, ...jobStores, redis });
  const { jobs, queue, heartbeat } = work;
  const scheduling = createSchedules({ ...ground, store: storage.schedules, eventStore, jobs, queue, list });
  const { schedules, scheduler, periodic } = scheduling;
  const mails = createMails({ ...ground, eventStore, userStore: storage.users, jobs, mailer });

  const { algorithm } = config.tokens;
  const keys = createKeys({ ...ground, store: storage.keys, algorithm, rotation: config.keyRotation, periodic });
  const encryption = createPasswordEncryption({ ...ground, store: storage.nonces, keys: keys.encryption, periodic });
  const { decryptor } = encryption;
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
    isBlind,
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
  const notifyOfBlock = createBlockNotice({ users, events, eventStore, clock, log });
  const protection = createGuessing({
    ...{ ...ground, store: storage.throttles, eventStore, counters, notifyOfBlock, periodic },
    proofOfWork: config.proofOfWork,
  });
  const { guessing, passwordTries } = protection;
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
    registrationStore: storage.registrations,
    challengeStore: storage.challenges,
    userStore: storage.users,
  };
  const authMailDeps = { ...accountStores, registrations, passwords, invitations, publicUrl: config.publicUrl, clock };
  mails.add(authMails, authMailDeps);
  mails.add(userMails, { ...accountStores, users, clock });
  mails.add(sessionMails, null);
  registerAccountHandlers({ ...accountStores, events });
  registerAuthPurges({ ...accountStores, periodic, clock });
  registerSessionPurge({ ...ground, store: storage.sessions, periodic });
  registerErasureOfDeleted({ ...ground, periodic, admin, userStore: storage.users });
  registerErasure({ events, eventStore, sessionStore: storage.sessions, userStore: storage.users });

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
  const cookie = createRefreshCookie(config);
  const devices = createDeviceCookie({ devices: protection.devices, cookie, config });
  const endAll = users.endSessions;
  const loadShedder = createLoadShedder(hasher.refusal);
  const readLists = replicas.read;
  const findUser = admin.find;
  const userList = createUserList({ readLists, roles, superadmins, list });
  const bulk = createBulk({ admin, authorize: grants.authorize });
  const history = createHistory({
    ...ground,
    store: eventStore,
    periodic,
    retention: config.eventRetention,
    readLists,
    list,
    findUser,
  });
  const jobAdmin = createJobAdmin({
    ...{ ...ground, ...work, workerStore: storage.workers, recordEvent: eventLog.record, periodic, list },
    store: redis ? null : storage.jobs,
  });
  const { demandOver } = authority;
  const authRouteDeps = { users, devices, decryptor, loadShedder };
  const auth: Part = {
    routes: [
      registrationRoutes({ ...authRouteDeps, registrations, invitations }),
      authRoutes({ ...authRouteDeps, passwordSignIn, passwords, passwordTries }),
    ],
  };
  const signInPart: Part = { routes: [signInRoutes({ signIn, cookie, devices, decryptor })] };
  const sessionPart: Part = { routes: [sessionRoutes({ sessions, cookie, endAll })], remembers: states };
  const userPart: Part = { routes: [userRoutes({ users, roleCodesOf, invalidCode: authErrors.code_invalid })] };
  const access: Part = {
    routes: [
      whoamiRoutes(),
      permissionRoutes({ users, findUser, grants, catalogue, verificationRequired, list }),
      roleRoutes({ roles, catalogue, list }),
      setupRoutes({ setup, decryptor, roleCodesOf }),
    ],
    remembers: rememberedBy([{ remembers: superadmins }, { remembers: grants }]),
  };
  const userAdmin: Part = {
    routes: [
      userAdminRoutes({ admin, userList, bulk, members, decryptor, givenRoleCodesOf, clock }),
      userActionRoutes({ admin, sessions, decryptor, demandOver, givenRoleCodesOf }),
    ],
  };

  const parts: Part[] = [
    auth,
    signInPart,
    sessionPart,
    userPart,
    history,
    access,
    userAdmin,
    jobAdmin,
    scheduling.part,
    keys.part,
    encryption.part,
    createPages({ config, version }),
    createMailboxPage({ mailbox }),
  ];

  const remembered = rememberedBy(parts);
  const feed = eventLog.follow(remembered);
  // Faster than the feed, which is read anyway: a message that is lost only comes later.
  const onGap = () => void feed.poll().catch(() => {});
  const bus = redis && createBus({ redis, onMessage: remembered.evict, onGap });
  commits.listen((event) => {
    if (event.evicts) {
      remembered.evict(event.target);
      bus?.publish(event.target);
    }
    if (event.pending) relay.wake();
    const who = event.actorId ?? event.userId;
    if (who) replicas.wrote(who);
  });
  await keys.load();

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
    },
  });

  // A worker answers probes, and nobody.
  if (config.role !== 'worker') await registerParts(http, parts);

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
