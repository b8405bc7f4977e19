import { type Static, Type } from 'typebox';
import type { CatalogueRoute, RouteCatalogue } from '../../platform/http/catalogue.ts';
import { idsInput } from '../../platform/http/results.ts';
import { nullable, timestamp } from '../../platform/http/schemas.ts';
import type { Explanation } from './explain.ts';
import { type Level, levelDemandedBy, MFA_DEMANDS } from './names.ts';
import { PERMISSION_PATTERN } from './permission-pattern.ts';
import { unmatched } from './privileges.ts';
import type { RoleRecord } from './role-store.ts';

const closed = { additionalProperties: false } as const;

const codeInput = Type.String({
  pattern: '^[a-z][a-z0-9_-]{1,49}$',
  description: 'Lower case letters, digits, `_` and `-`.',
  examples: ['model_manager'],
});
const nameInput = Type.String({ maxLength: 100, format: 'name', examples: ['Model manager'] });
const descriptionInput = nullable(Type.String({ maxLength: 500, format: 'paragraph' }));
const permissionInput = Type.String({
  maxLength: 300,
  pattern: PERMISSION_PATTERN,
  examples: ['GET:/api/v1/admin/users/{id}'],
});
/** What the scopes of a credential are: permissions, and roles that routes ask for by name. */
export const scopeInput = Type.String({
  maxLength: 300,
  pattern: `${PERMISSION_PATTERN}|^role:[a-z][a-z0-9_-]{1,49}$`,
  examples: ['GET:/api/v1/admin/users'],
});
const permissionsInput = Type.Array(permissionInput, {
  maxItems: 1000,
  uniqueItems: true,
  description: 'Codes of routes, or patterns: `*`, `GET:/api/v1/admin/*`, `*:/api/v1/admin/users/*`.',
  examples: [['GET:/api/v1/admin/users', 'GET:/api/v1/admin/users/{id}']],
});
const opaque = Type.Array(Type.String({ minLength: 1, maxLength: 200, format: 'line' }), {
  maxItems: 1000,
  uniqueItems: true,
});
const uiInput = Type.Object(
  { buttons: Type.Optional(opaque), menus: Type.Optional(opaque) },
  { ...closed, title: 'UiPermissionsInput' },
);
const rateLimitInput = nullable(
  Type.Object(
    {
      max: Type.Integer({ minimum: 1, maximum: 1_000_000_000 }),
      windowSeconds: Type.Integer({ minimum: 1, maximum: 2_592_000 }),
    },
    { ...closed, title: 'RateLimitInput' },
  ),
);
const fileQuotaInput = nullable(
  Type.Object(
    {
      bytes: Type.Integer({ minimum: 0, maximum: 9_007_199_254_740_991 }),
      files: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
    },
    { ...closed, title: 'FileQuotaInput' },
  ),
);

const mfa = Type.Enum([...MFA_DEMANDS], {
  title: 'MfaDemand',
  description: 'Below it, the role grants nothing: `required` is two factors.',
});

const optional = {
  description: Type.Optional(descriptionInput),
  enabled: Type.Optional(Type.Boolean()),
  permissions: Type.Optional(permissionsInput),
  uiPermissions: Type.Optional(uiInput),
  rateLimit: Type.Optional(rateLimitInput),
  fileQuota: Type.Optional(fileQuotaInput),
  mfa: Type.Optional(mfa),
  trustDevices: Type.Optional(Type.Boolean()),
};

export const createRoleBody = Type.Object(
  { code: codeInput, name: nameInput, ...optional },
  { ...closed, title: 'CreateRoleBody' },
);
export const patchRoleBody = Type.Object(
  { code: Type.Optional(codeInput), name: Type.Optional(nameInput), ...optional },
  { ...closed, minProperties: 1, title: 'UpdateRoleBody' },
);
export const idParams = Type.Object({ id: Type.String({ maxLength: 100 }) }, closed);
export const idsBody = Type.Object({ ids: idsInput }, { ...closed, title: 'DeleteRolesBody' });

const ui = Type.Object(
  { buttons: Type.Array(Type.String()), menus: Type.Array(Type.String()) },
  { title: 'UiPermissions' },
);

export const permissionsSchema = Type.Object(
  {
    roles: Type.Array(Type.String()),
    permissions: Type.Array(Type.String(), { description: 'Codes and patterns; `*` is everything.' }),
    uiPermissions: ui,
    mfaRequiredBy: Type.Array(Type.Object({ role: Type.String(), mfa }, { title: 'RoleBelowMfa' }), {
      description: 'Your roles that grant nothing to this sign-in, because they demand a stronger one.',
    }),
  },
  { title: 'Permissions' },
);

export const roleSchema = Type.Object(
  {
    id: Type.String(),
    code: Type.String(),
    name: Type.String(),
    description: nullable(Type.String()),
    enabled: Type.Boolean(),
    builtIn: Type.Boolean(),
    permissions: Type.Array(Type.String()),
    unknownPermissions: Type.Array(Type.String(), {
      description: 'The permissions that match no route of this server.',
    }),
    uiPermissions: ui,
    rateLimit: nullable(Type.Object({ max: Type.Integer(), windowSeconds: Type.Integer() }, { title: 'RateLimit' })),
    fileQuota: nullable(
      Type.Object(
        { bytes: Type.Integer(), files: Type.Integer() },
        { title: 'FileQuota', description: 'What its users may store; the largest one of their roles counts.' },
      ),
    ),
    mfa,
    trustDevices: Type.Boolean({
      description: 'Whether a device that its owner trusts stands for the second factor that is `required`.',
    }),
    createdAt: timestamp(),
    updatedAt: timestamp(),
    version: Type.Integer(),
  },
  { title: 'Role' },
);

const accessSchema = Type.Unsafe<CatalogueRoute['access']>({
  title: 'Access',
  description: '`public`, `optional`, `signedIn`, `verified`, `permission`, or the codes of roles.',
  anyOf: [
    { type: 'string' },
    { type: 'object', properties: { anyRole: { type: 'array', items: { type: 'string' } } }, required: ['anyRole'] },
    { type: 'object', properties: { allRoles: { type: 'array', items: { type: 'string' } } }, required: ['allRoles'] },
  ],
});

export const routeSchema = Type.Object(
  {
    method: Type.String(),
    path: Type.String(),
    code: Type.String({ description: 'The permission that a role grants for this route.' }),
    formerly: Type.Array(Type.String()),
    summary: nullable(Type.String()),
    access: accessSchema,
    sensitive: Type.Boolean({ description: 'Only its exact code or `*` grants it, no other pattern.' }),
    admitsMachines: Type.Boolean({ description: 'Whether API keys are admitted.' }),
  },
  { title: 'Route' },
);

export const explainQuery = Type.Object(
  {
    method: Type.Enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
    path: Type.String({
      minLength: 1,
      maxLength: 2000,
      pattern: '^/',
      description: 'A path, or a template of one.',
      examples: ['/api/v1/admin/users'],
    }),
    via: Type.Optional(
      Type.String({ maxLength: 100, description: 'Id of an API key of the user: what it lets through.' }),
    ),
  },
  closed,
);

export const explanationSchema = Type.Object(
  {
    allowed: Type.Boolean(),
    reason: Type.String(),
    route: routeSchema,
    roles: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          code: Type.String(),
          enabled: Type.Boolean(),
          mfa,
          grant: nullable(
            Type.String({
              description: 'The permission that matches the route, or the code of the role if the route names it.',
            }),
          ),
        },
        { title: 'ExplainedRole' },
      ),
    ),
  },
  { title: 'Explanation' },
);

/** A role as administrators see it. */
export function roleView(role: RoleRecord, catalogue: RouteCatalogue): Static<typeof roleSchema> {
  const { id, code, name, description, enabled, builtIn, permissions, uiPermissions, rateLimit, fileQuota } = role;
  const { mfa, trustDevices } = role;
  const times = { createdAt: role.createdAt, updatedAt: role.updatedAt, version: role.version };
  const unknownPermissions = unmatched(permissions, catalogue);
  return {
    id,
    code,
    name,
    description,
    enabled,
    builtIn,
    permissions,
    unknownPermissions,
    uiPermissions,
    rateLimit,
    fileQuota,
    mfa,
    trustDevices,
    ...times,
  };
}

/** What the enabled ones of these roles grant together at a level. */
export function permissionsView(roles: readonly RoleRecord[], level: Level): Static<typeof permissionsSchema> {
  const enabled = roles.filter((role) => role.enabled);
  const counting = enabled.filter((role) => levelDemandedBy(role) <= level);
  const below = enabled.filter((role) => !counting.includes(role));
  const union = (pick: (role: RoleRecord) => readonly string[]) => [...new Set(counting.flatMap(pick))];
  return {
    roles: counting.map(({ code }) => code),
    permissions: union(({ permissions }) => permissions),
    uiPermissions: {
      buttons: union((role) => role.uiPermissions.buttons),
      menus: union((role) => role.uiPermissions.menus),
    },
    mfaRequiredBy: below.map(({ code: role, mfa }) => ({ role, mfa })),
  };
}

/** An explanation as `explanationSchema` shows it. */
export function explanationView({ allowed, reason, route, roles }: Explanation): Static<typeof explanationSchema> {
  return { allowed, reason, route: routeView(route), roles };
}

/** A route as `routeSchema` shows it. */
export function routeView({ formerly, ...route }: CatalogueRoute): Static<typeof routeSchema> {
  return { ...route, formerly: [...formerly] };
}
