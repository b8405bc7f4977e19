import assert from 'node:assert/strict';
import type { InjectOptions } from 'fastify';
import type { CredentialKind } from '../src/platform/http/credential-kind.ts';
import type { HttpServer } from '../src/platform/http/server.ts';
import type { Jobs } from '../src/platform/queue/jobs.ts';
import { openTestApp } from './app.ts';
import { createClient, ok } from './client.ts';
import { createWorld, freshRoot, type Member, member, newRole, type World } from './matrix/world.ts';
import { freshSqlite, type SceneOptions } from './scenario.ts';

/** A user as administrators see it. */
export interface AdminUser {
  id: string;
  email: string | null;
  emailVerified: boolean;
  username: string | null;
  fullName: string | null;
  status: 'active' | 'disabled' | 'deleted';
  roles: string[];
  mustChangePassword: boolean;
  hasPassword: boolean;
  invitedUntil: string | null;
  deletedAt: string | null;
  createdAt: string;
  [field: string]: unknown;
}

export interface Role {
  id: string;
  code: string;
  enabled: boolean;
  builtIn: boolean;
  permissions: string[];
  unknownPermissions: string[];
  [field: string]: unknown;
}

export interface List<T> {
  items: T[];
  total: number;
  nextCursor: string | null;
  [field: string]: unknown;
}

/** Runs a scenario on a server with a superadmin, and with more routes than the product has. */
export async function withWorld(
  run: (w: World) => Promise<void>,
  {
    freshUrl = freshSqlite,
    env = {},
    routes,
    jobs,
    credentials,
  }: SceneOptions & {
    credentials?: readonly CredentialKind[] | undefined;
    routes?: ((app: HttpServer) => unknown) | undefined;
    jobs?: ((jobs: Jobs) => unknown) | undefined;
  } = {},
): Promise<void> {
  const { url: databaseUrl, drop } = await freshUrl();
  const t = await openTestApp({
    databaseUrl,
    env,
    ...(routes && { routes }),
    ...(jobs && { jobs }),
    ...(credentials && { credentials }),
  });
  try {
    await run(await createWorld({ ...t, client: createClient(t), databaseUrl }));
  } finally {
    await t.close();
    await drop();
  }
}

/** Asks an administrator's route, as the superadmin unless a token says otherwise. */
export async function admin(
  w: World,
  method: NonNullable<InjectOptions['method']>,
  path: string,
  body?: unknown,
  token?: string,
) {
  const by = token ?? (await freshRoot(w));
  return w.client.send(method, `/admin${path}`, { token: by, ...(body !== undefined && { body }) });
}

/** Somebody who holds exactly these permissions, by a role of their own. */
export async function holder(w: World, permissions: readonly string[]): Promise<Member & { roleId: string }> {
  const roleId = await newRole(w, { permissions });
  return { ...(await member(w, [roleId])), roleId };
}

export async function readUser(w: World, id: string): Promise<AdminUser> {
  return ok<AdminUser>(await admin(w, 'GET', `/users/${id}`), 200);
}

export async function readRole(w: World, id: string): Promise<Role> {
  return ok<Role>(await admin(w, 'GET', `/roles/${id}`), 200);
}

/** Ids of the active users who have a role, by the list. */
export async function membersOf(w: World, role: string, token: string = w.root): Promise<string[]> {
  const answer = await admin(w, 'GET', `/users?role=${role}&pageSize=100`, undefined, token);
  return ok<List<AdminUser>>(answer, 200).items.map(({ id }) => id);
}

/** The one user whom a token belongs to. */
export async function idOf(w: World, token: string = w.root): Promise<string> {
  return ok<{ id: string }>(await w.client.send('GET', '/users/me', { token }), 200).id;
}

/** Everything that a list has, read by cursor. */
export async function walk<T>(w: World, path: string, pageSize: number, token: string = w.root): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | null = '';
  for (let turns = 0; cursor !== null; turns++) {
    assert.ok(turns < 1000, 'the list comes to an end');
    const more: string = `${path}${path.includes('?') ? '&' : '?'}pageSize=${pageSize}&cursor=${cursor}`;
    const page: List<T> = ok<List<T>>(await admin(w, 'GET', more, undefined, token), 200);
    assert.ok(page.items.length <= pageSize);
    all.push(...page.items);
    cursor = page.nextCursor;
  }
  return all;
}
