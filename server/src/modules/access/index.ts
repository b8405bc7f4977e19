import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import type { Assurance } from '../../platform/http/caller.ts';
import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import type { CredentialKind } from '../../platform/http/credential-kind.ts';
import type { Lists } from '../../platform/http/paging.ts';
import { type Part, type Remembers, rememberedBy } from '../../platform/http/part.ts';
import type { ServiceAccountStore } from '../api-keys/service-account-store.ts';
import type { PasswordPolicy } from '../auth/password-policy.ts';
import type { Events } from '../events/events.ts';
import type { PasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { type Authority, createAuthority } from './authority.ts';
import { BUILT_IN } from './built-in-roles.ts';
import type { ExplainedVia } from './explain.ts';
import { createGrants, type Grants, type Holder } from './grants.ts';
import { createMembers, type Members } from './members.ts';
import { levelOf } from './names.ts';
import { permissionRoutes } from './permission-routes.ts';
import { roleRoutes } from './role-routes.ts';
import type { RoleStore } from './role-store.ts';
import { createRoles as createRoleUseCases, type Roles } from './roles.ts';
import { createScopes, type Scopes } from './scopes.ts';
import { createSetup, type Setup } from './setup.ts';
import { setupRoutes } from './setup-routes.ts';
import { createSubjectGate } from './subject-gate.ts';
import type { SuperadminStore } from './superadmin-store.ts';
import { createSuperadmins, type Superadmins } from './superadmins.ts';
import { whoamiRoutes } from './whoami-routes.ts';

export { demandMfaOfAdministrators } from './first-demands.ts';
export { reportRoles } from './report-roles.ts';
export type { Setup } from './setup.ts';

/** The roles of a new account, unless others are named. */
export const FIRST_ROLE_IDS: readonly string[] = [BUILT_IN.user];

export interface Permissions {
  superadmins: Superadmins;
  grants: Grants;
  scopes: Scopes;
  /** Codes of the user's enabled roles; no promise where they are remembered. */
  roleCodesOf(user: Holder): string[] | Promise<string[]>;
  /** Those of them that count in a sign-in of this assurance. */
  roleCodesFor(user: Holder, assurance: Omit<Assurance, 'authTime'>): string[] | Promise<string[]>;
  /** Codes of all the user's roles, disabled ones included. */
  givenRoleCodesOf(user: UserRecord): Promise<string[]>;
  remembers: Remembers;
}

/**
 * Decides who may do what: `createPermissions({ ...ground, store: storage.roles, superadminStore: storage.superadmins,
 * userStore: storage.users, catalogue })`.
 */
export function createPermissions(deps: {
  store: RoleStore;
  superadminStore: SuperadminStore;
  userStore: UserStore;
  events: Events;
  catalogue: RouteCatalogue;
  clock: Clock;
}): Permissions {
  const { store, superadminStore, userStore: users, events, catalogue, clock } = deps;
  const superadmins = createSuperadmins({ store: superadminStore, users, events, clock });
  const grants = createGrants({ store, superadmins, catalogue });
  return {
    superadmins,
    grants,
    scopes: createScopes({ catalogue }),
    roleCodesOf: (user) => grants.roleCodesOf(user),
    roleCodesFor: (user, assurance) => grants.roleCodesOf(user, levelOf(assurance)),
    givenRoleCodesOf: async (user) => (await grants.rolesOf(user)).map(({ code }) => code),
    remembers: rememberedBy([{ remembers: superadmins }, { remembers: grants }]),
  };
}

export interface RolesModule {
  authority: Authority;
  roles: Roles;
  members: Members;
}

/**
 * Manages roles, and who has them: `createRoles({ ...ground, ...permissions, store: storage.roles, userStore: storage.users, credentials,
 * catalogue })`.
 */
export function createRoles(deps: {
  store: RoleStore;
  userStore: UserStore;
  superadmins: Superadmins;
  grants: Grants;
  credentials: readonly CredentialKind[];
  /** A service account by its id; null unless it may act. */
  findService: (id: string) => Promise<Holder | null>;
  /** All service accounts. */
  services: Pick<ServiceAccountStore, 'list'>;
  events: Events;
  catalogue: RouteCatalogue;
  clock: Clock;
}): RolesModule {
  const { store, userStore: users, superadmins, grants, credentials, findService, services } = deps;
  const { events, catalogue, clock } = deps;
  const findPerson = async (id: string) => {
    const user = await users.find(id);
    return user?.status === 'active' ? user : null;
  };
  const gate = createSubjectGate({ subjects: { person: findPerson, service: findService }, credentials });
  const authority = createAuthority({ gate, grants, superadmins, roleStore: store, users, services, catalogue });
  const roles = createRoleUseCases({ store, authority, catalogue, events, clock });
  return { authority, roles, members: createMembers({ users, roles, grants, superadmins, authority, events, clock }) };
}

/** Serves roles and permissions, and creates the first superadmin: `createAccess({ ...ground, ...permissions, roles, users, … })`. */
export function createAccess(
  deps: Permissions & {
    roles: Roles;
    userStore: UserStore;
    users: Users;
    /** Throws `user_not_found`. */
    getUser: (id: string) => Promise<UserRecord>;
    verificationRequired: boolean;
    explainKey: (userId: string, keyId: string) => Promise<ExplainedVia | null>;
    config: Config;
    hasher: PasswordHasher;
    policy: PasswordPolicy;
    decryptor: PasswordDecryptor;
    events: Events;
    keyring: Keyring;
    catalogue: RouteCatalogue;
    list: Lists;
    clock: Clock;
  },
): { setup: Setup; part: Part } {
  const setup = createSetup(deps);
  const routes = [whoamiRoutes(), permissionRoutes(deps), roleRoutes(deps), setupRoutes({ ...deps, setup })];
  return { setup, part: { routes, remembers: deps.remembers } };
}
