import { DAY } from '../src/platform/clock.ts';
import { ok } from './client.ts';
import { freshRoot, member, newRole, type World } from './matrix/world.ts';

/** A key as its owner sees it. */
export interface Key {
  id: string;
  kind: string;
  subject: { kind: string; id: string };
  name: string;
  start: string;
  state: string;
  scopes: string[];
  networks: string[];
  rateLimit: { max: number; windowSeconds: number } | null;
  createdBy: string | null;
  expiresAt: string;
  previousUntil: string | null;
  lastUsedAt: string | null;
  lastUsedIp: string | null;
  lastUsedAgent: string | null;
}

export interface MadeKey {
  key: Key;
  secret: string;
}

/** A route that a key may be limited to, and one that it is not then. */
export const ROUTES = 'GET:/api/v1/admin/routes';
export const ROLES = 'GET:/api/v1/admin/roles';

export const inDays = (w: World, days: number) => new Date(w.time.now.getTime() + days * DAY).toISOString();

export const keyBody = (w: World, fields: object = {}) => ({
  name: 'Nightly export',
  scopes: [ROUTES],
  expiresAt: inDays(w, 30),
  ...fields,
});

/** Somebody whose role grants exactly these, and a key of theirs. */
export async function keyOwner(w: World, permissions: readonly string[] = [ROUTES, ROLES], fields: object = {}) {
  const roleId = await newRole(w, { permissions });
  const owner = await member(w, [roleId]);
  return { ...owner, roleId, ...(await makeKey(w, owner.token, fields)) };
}

export async function makeKey(w: World, token: string, fields: object = {}): Promise<MadeKey> {
  return ok(await w.client.send('POST', '/users/me/keys', { token, body: keyBody(w, fields) }), 201);
}

/** A service account with a role that grants exactly these, and a key of it. */
export async function service(w: World, permissions: readonly string[] = [ROUTES, ROLES], fields: object = {}) {
  const token = await freshRoot(w);
  const roleId = await newRole(w, { permissions });
  const body = { name: 'A program', roles: [roleId] };
  const { id } = ok<{ id: string }>(await w.client.send('POST', '/admin/service-accounts', { token, body }), 201);
  return { accountId: id, roleId, ...(await serviceKey(w, id, fields)) };
}

export async function serviceKey(w: World, accountId: string, fields: object = {}): Promise<MadeKey> {
  const path = `/admin/service-accounts/${accountId}/keys`;
  return ok(await w.client.send('POST', path, { token: await freshRoot(w), body: keyBody(w, fields) }), 201);
}

/** Asks the route that keys are limited to. */
export const use = (w: Pick<World, 'client'>, token: string, headers: Record<string, string> = {}) =>
  w.client.send('GET', '/admin/routes', { token, headers });
