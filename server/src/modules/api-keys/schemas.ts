import { type Static, Type } from 'typebox';
import { listQuery } from '../../platform/http/paging.ts';
import { nullable, timeInput, timestamp } from '../../platform/http/schemas.ts';
import { trimText } from '../../platform/typed-text.ts';
import { scopeInput } from '../access/schemas.ts';
import type { ApiKeyRecord } from './api-key-store.ts';
import { startOfKey } from './key-format.ts';
import { type KeyHolder, whyDead } from './key-states.ts';
import type { KeyInput, KeyPatch } from './keys.ts';
import { LONGEST_OVERLAP, subjectOfKey } from './names.ts';
import type { ServiceAccountRecord } from './service-account-store.ts';

const closed = { additionalProperties: false } as const;

const nameInput = Type.String({ maxLength: 100, format: 'name', examples: ['Nightly export'] });
const scopesInput = Type.Array(scopeInput, {
  minItems: 1,
  maxItems: 100,
  uniqueItems: true,
  description: 'Codes of routes that ask for a permission, patterns of them, or `role:` and a role.',
});
const networksInput = Type.Array(Type.String({ minLength: 1, maxLength: 64, examples: ['192.0.2.0/24'] }), {
  maxItems: 50,
  uniqueItems: true,
  description: 'Addresses and CIDR networks, IPv4 or IPv6, that it may come from; empty: any.',
});
const endInput = Type.String({ format: 'date-or-time', examples: ['2027-06-30'] });
const rateInput = Type.Object(
  {
    max: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
    windowSeconds: Type.Integer({ minimum: 1, maximum: 86_400 }),
  },
  { ...closed, title: 'KeyRateInput', description: 'That of the roles counts where it is stricter.' },
);

export const createKeyBody = Type.Object(
  {
    name: nameInput,
    scopes: scopesInput,
    expiresAt: endInput,
    networks: Type.Optional(networksInput),
    rateLimit: Type.Optional(nullable(rateInput)),
  },
  { ...closed, title: 'CreateKeyBody' },
);
export const patchKeyBody = Type.Object(
  {
    name: Type.Optional(nameInput),
    scopes: Type.Optional(scopesInput),
    expiresAt: Type.Optional(endInput),
    networks: Type.Optional(networksInput),
  },
  { ...closed, title: 'NarrowKeyBody' },
);
export const rotateKeyBody = Type.Object(
  {
    overlap: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,6}[smhd]$',
        examples: ['24h'],
        description: 'How long the former secret still works, `7d` at most; default `24h`. `0s`: not at all.',
      }),
    ),
    expiresAt: Type.Optional(endInput),
  },
  { ...closed, title: 'RotateKeyBody' },
);
export const reportBody = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 500 }) },
  { ...closed, title: 'ReportKeyBody' },
);

export const keyParams = Type.Object({ id: Type.String({ maxLength: 100 }) }, closed);
export const accountKeyParams = Type.Object(
  { id: Type.String({ maxLength: 100 }), keyId: Type.String({ maxLength: 100 }) },
  closed,
);

const subjectSchema = Type.Object(
  { kind: Type.Enum(['person', 'service']), id: Type.String() },
  { title: 'KeySubject', description: 'Whose roles count.' },
);

export const keySchema = Type.Object(
  {
    id: Type.String(),
    kind: Type.String({ description: '`pat`: of a person; `svc`: of a service account.' }),
    subject: subjectSchema,
    name: Type.String(),
    start: Type.String({ description: 'How the key begins.' }),
    state: Type.Enum(['live', 'expired', 'suspended'], {
      title: 'KeyState',
      description: '`suspended`: its person or account may not act, or ended all that it had granted.',
    }),
    scopes: Type.Array(Type.String()),
    networks: Type.Array(Type.String()),
    rateLimit: nullable(Type.Object({ max: Type.Integer(), windowSeconds: Type.Integer() }, { title: 'KeyRate' })),
    aal: Type.Integer({ description: 'Assurance level of the sign-in that made it.' }),
    createdBy: nullable(Type.String()),
    createdAt: timestamp(),
    expiresAt: timestamp(),
    previousUntil: nullable(timestamp({ description: 'Until then the former secret works, too.' })),
    lastUsedAt: nullable(timestamp()),
    lastUsedIp: nullable(Type.String()),
    lastUsedAgent: nullable(Type.String()),
  },
  { title: 'ApiKey' },
);
export const keyListSchema = Type.Object({ items: Type.Array(keySchema) }, { title: 'ApiKeys' });
export const madeKeySchema = Type.Object(
  { key: keySchema, secret: Type.String({ description: 'The key itself. It is shown now, and never again.' }) },
  { title: 'MadeApiKey' },
);

export const keysInUseQuery = Type.Object(
  {
    ...listQuery,
    unusedSince: timeInput('Made before, and not used since.'),
    expiresBefore: timeInput('That end before.'),
    wide: Type.Optional(Type.Enum(['true', 'false'], { description: 'Whether some scope is a pattern.' })),
    subject: Type.Optional(Type.String({ maxLength: 100, description: 'Id of a user or service account.' })),
  },
  closed,
);

const rolesInput = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
  maxItems: 100,
  uniqueItems: true,
  description: 'Codes or ids of roles; not `superadmin`.',
});
const ownersInput = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
  maxItems: 5,
  uniqueItems: true,
  description: 'Ids of users who are told about its keys. Default: you.',
});
const descriptionInput = nullable(Type.String({ maxLength: 500, format: 'paragraph' }));

export const createAccountBody = Type.Object(
  {
    name: nameInput,
    description: Type.Optional(descriptionInput),
    roles: Type.Optional(rolesInput),
    ownerIds: Type.Optional(ownersInput),
  },
  { ...closed, title: 'CreateServiceAccountBody' },
);
export const patchAccountBody = Type.Object(
  {
    name: Type.Optional(nameInput),
    description: Type.Optional(descriptionInput),
    enabled: Type.Optional(Type.Boolean()),
    ownerIds: Type.Optional(ownersInput),
  },
  { ...closed, minProperties: 1, title: 'UpdateServiceAccountBody' },
);
export const accountRolesBody = Type.Object({ roles: rolesInput }, { ...closed, title: 'SetServiceAccountRolesBody' });

export const accountSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    description: nullable(Type.String()),
    enabled: Type.Boolean({ description: 'If false, none of its keys is accepted.' }),
    roles: Type.Array(Type.String(), { description: 'Codes.' }),
    ownerIds: Type.Array(Type.String()),
    createdAt: timestamp(),
    updatedAt: timestamp(),
    version: Type.Integer(),
  },
  { title: 'ServiceAccount' },
);

/** A key as people see it; nothing of its secret. */
export function keyView(key: ApiKeyRecord, holder: KeyHolder | null, now: Date): Static<typeof keySchema> {
  const { id, kind, name, scopes, networks, rateLimit, aal, createdBy, createdAt, expiresAt } = key;
  const dead = whyDead(key, holder, now);
  const isOverlapping = key.previousUntil !== null && key.previousUntil > now;
  return {
    id,
    kind,
    subject: subjectOfKey(key),
    name,
    start: startOfKey(kind, id),
    state: dead === null ? 'live' : dead === 'expired' ? 'expired' : 'suspended',
    scopes,
    networks,
    rateLimit,
    aal,
    createdBy,
    createdAt,
    expiresAt,
    previousUntil: isOverlapping ? key.previousUntil : null,
    lastUsedAt: key.lastUsedAt,
    lastUsedIp: key.lastUsedIp,
    lastUsedAgent: key.lastUsedAgent,
  };
}

export function accountView(account: ServiceAccountRecord, codes: readonly string[]): Static<typeof accountSchema> {
  const { id, name, description, enabled, ownerIds, createdAt, updatedAt, version } = account;
  return { id, name, description, enabled, roles: [...codes], ownerIds, createdAt, updatedAt, version };
}

/** What a body says of a new key. */
export function toKeyInput({ name, expiresAt, ...rest }: Static<typeof createKeyBody>): KeyInput {
  return { ...rest, name: trimText(name) ?? name, expiresAt: new Date(expiresAt) };
}

export function toKeyPatch({ name, expiresAt, ...rest }: Static<typeof patchKeyBody>): KeyPatch {
  return {
    ...rest,
    ...(name !== undefined && { name: trimText(name) ?? name }),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
  };
}

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export function toRotation(body: Static<typeof rotateKeyBody> | null | undefined): {
  overlap: number;
  expiresAt?: Date | undefined;
} {
  const { overlap = '24h', expiresAt } = body ?? {};
  const amount = Number(overlap.slice(0, -1)) * (UNITS[overlap.slice(-1)] ?? LONGEST_OVERLAP);
  return { overlap: amount, ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }) };
}
