import type { Logger } from 'pino';
import { permissionRoutes, setupRoutes } from './modules/access/routes.ts';
import { createSetup, type Setup } from './modules/access/setup.ts';
import { createSuperadmins } from './modules/access/superadmins.ts';
import { authErrors, passwordErrors } from './modules/auth/errors.ts';
import { createFlowTokens } from './modules/auth/flow-token.ts';
import { registerMailHandlers } from './modules/auth/mail-handlers.ts';
import { createPasswordPolicy } from './modules/auth/password-policy.ts';
import { createPasswords } from './modules/auth/passwords.ts';
import { createRegistrations } from './modules/auth/registration.ts';
import { registrationRoutes } from './modules/auth/registration-routes.ts';
import { authRoutes } from './modules/auth/routes.ts';
import { createSignIn } from './modules/auth/sign-in.ts';
import { createEvents, type Events } from './modules/events/events.ts';
import { createEvictionFeed } from './modules/events/eviction-feed.ts';
import { createRelay, type Relay } from './modules/events/relay.ts';
import { eventRoutes } from './modules/events/routes.ts';
import { jwksRoutes } from './modules/keys/routes.ts';
import { checkSecretKey } from './modules/keys/secret-check.ts';
import { createSigningKeys } from './modules/keys/signing-keys.ts';
import { mailboxRoutes } from './modules/mailbox/routes.ts';
import { pageRoutes } from './modules/pages/routes.ts';
import { createAccessTokens } from './modules/sessions/access-token.ts';
import { createAuthenticate } from './modules/sessions/authenticate.ts';
import { createRefreshCookie } from './modules/sessions/cookie.ts';
import { sessionErrors } from './modules/sessions/errors.ts';
import { createRefreshTokens } from './modules/sessions/refresh-token.ts';
import { sessionRoutes } from './modules/sessions/routes.ts';
import { createSessionStates } from './modules/sessions/session-states.ts';
import { createSessions } from './modules/sessions/sessions.ts';
import { userErrors } from './modules/users/errors.ts';
import { userRoutes } from './modules/users/routes.ts';
import type { UserRecord } from './modules/users/user-store.ts';
import { createUsers } from './modules/users/users.ts';
import type { Clock } from './platform/clock.ts';
import type { Config } from './platform/config/config.ts';
import { createKeyring } from './platform/crypto/keyring.ts';
import { createPasswordHasher, type PasswordHasher } from './platform/crypto/password-hasher.ts';
import type { Database } from './platform/database/database.ts';
import { type ErrorTable, platformErrors } from './platform/errors.ts';
import { createLists } from './platform/http/paging.ts';
import { createHttpServer, type HttpServer } from './platform/http/server.ts';
import type { Mailer } from './platform/mail/mail.ts';
import type { Mailbox } from './platform/mail/mailbox.ts';
import { openStorage, type Storage } from './storage.ts';

export interface App {
  http: HttpServer;
  storage: Storage;
  setup: Setup;
  relay: Relay;
  hasher: PasswordHasher;
  /** Reads what other instances changed, at once. */
  pollEvictions(): Promise<void>;
  /** Delivers events and follows other instances from now on. */
  start(): Promise<void>;
  /** Ends that, after what is under way. */
  stop(): Promise<void>;
}

/** Every code that a problem document can carry. */
export const errorTable: ErrorTable = {
  ...platformErrors.table,
  ...authErrors.table,
  ...passwordErrors.table,
  ...sessionErrors.table,
  ...userErrors.table,
};

const API = '/api/v1';

/**
 * Composes the server on a database that is open and migrated: storage, services, events, routes, in this order.
 * Throws `WrongSecretKey`.
 */
export async function createApp(deps: {
  config: Config;
  database: Database;
  mailer: Mailer;
  /** Where the development mailbox keeps its mails; null with SMTP. */
  mailbox: Mailbox | null;
  clock: Clock;
  log: Logger;
  version: string;
}): Promise<App> {
  const { config, database, mailer, mailbox, clock, log, version } = deps;

  const evict = (target: string) => {
    states.evict(target);
    superadmins.evict(target);
  };
  const evictAll = () => {
    states.clear();
    superadmins.clear();
  };
  const storage = openStorage(database, {
    onCommit(event) {
      if (event.evicts) evict(event.target);
      if (event.pending) relay.wake();
    },
  });

  const keyring = createKeyring(config.secretKeys);
  await checkSecretKey({ store: storage.secretChecks, keyring, clock });
  const events: Events = createEvents({ clock });
  const relay = createRelay({ store: storage.events, events, clock, log });
  const feed = createEvictionFeed({ store: storage.events, evict, evictAll, log });

  const keys = createSigningKeys({
    store: storage.signingKeys,
    events,
    keyring,
    algorithm: config.tokens.algorithm,
    clock,
    log,
  });
  const superadmins = createSuperadmins({ store: storage.superadmins, events });
  const isSuperadmin = (userId: string) => superadmins.has(userId);
  const rolesOf = async (user: UserRecord) =>
    (await isSuperadmin(user.id)) ? ['superadmin', ...user.roleIds] : user.roleIds;
  const users = createUsers({ store: storage.users, events, keyring, isSuperadmin, clock });

  const accessTokens = createAccessTokens({ keys, issuer: config.publicUrl, ttl: config.tokens.accessTtl, clock });
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
    rolesOf,
    limits: config.tokens,
    clock,
  });

  const hasher = createPasswordHasher({ memory: config.passwords.argon2Memory, passes: config.passwords.argon2Passes });
  const policy = createPasswordPolicy({ minLength: config.passwords.minLength });
  const flowTokens = createFlowTokens({ keyring, clock });
  const base = { userStore: storage.users, users, events, keyring, hasher, policy, clock };
  const registrations = createRegistrations({ ...base, store: storage.registrations, sessions, config });
  const passwords = createPasswords({ ...base, store: storage.challenges });
  const signIn = createSignIn({ ...base, sessions, flowTokens, config, log });
  const setup = createSetup({ ...base, superadmins });

  registerMailHandlers({
    ...{ events, mailer, users, registrations, passwords, clock, log },
    registrationStore: storage.registrations,
    challengeStore: storage.challenges,
    userStore: storage.users,
    publicUrl: config.publicUrl,
  });
  await keys.load();

  const isBlind = () => feed.isBlind();
  const authenticate = createAuthenticate({ accessTokens, states, isBlind });
  const probes = {
    database: async () => {
      await database.ping();
      return !isBlind();
    },
  };
  const http = await createHttpServer({ config, log, clock, authenticate, errorTable, probes, version });

  const cookie = createRefreshCookie(config);
  const list = createLists({ keyring });
  const endAll = users.endSessions;
  const api = { prefix: API };
  await http.register(registrationRoutes({ registrations, users, cookie }), api);
  await http.register(authRoutes({ signIn, passwords, users, cookie }), api);
  await http.register(sessionRoutes({ sessions, cookie, endAll }), api);
  await http.register(userRoutes({ users, rolesOf, invalidCode: authErrors.code_invalid }), api);
  await http.register(eventRoutes({ store: storage.events, list }), api);
  await http.register(permissionRoutes({ users, rolesOf }), api);
  await http.register(setupRoutes({ setup, rolesOf }), api);
  await http.register(jwksRoutes({ keys }));
  await http.register(pageRoutes({ config, version }));
  if (mailbox) await http.register(mailboxRoutes({ mailbox }));

  return {
    http,
    storage,
    setup,
    relay,
    hasher,
    pollEvictions: () => feed.poll(),
    async start() {
      await feed.start();
      relay.start();
    },
    async stop() {
      await Promise.all([relay.stop(), feed.stop()]);
    },
  };
}
