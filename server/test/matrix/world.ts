import { DAY, MINUTE } from '../../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../../src/platform/http/system-caller.ts';
import { FIREFOX, ok } from '../client.ts';
import { type Scene, somebody } from '../scenario.ts';
import type { Method } from './access-table.ts';

/** A server with a superadmin. */
export interface World extends Scene {
  /** The superadmin's access token; `freshRoot` replaces it. */
  root: string;
  superadmin: Member;
  /** When the superadmin last proved their password. */
  rootProvedAt: Date;
}

/** Somebody who has an account and one session. */
export interface Member {
  userId: string;
  username: string;
  email: string;
  password: string;
  sessionId: string;
  token: string;
}

/** Makes the superadmin by whose hand everything else is made. */
export async function createWorld(s: Scene): Promise<World> {
  const superadmin = await newMember(s, { superadmin: true });
  return { ...s, root: superadmin.token, superadmin, rootProvedAt: s.time.now };
}

/** The superadmin's token, whose proof is fresh: they prove themselves again where the clock was moved. */
export async function freshRoot(w: World): Promise<string> {
  const old = Math.abs(w.time.now.getTime() - w.rootProvedAt.getTime());
  if (old < 10 * MINUTE) return w.root;
  w.root = (await signIn(w, w.superadmin)).token;
  w.rootProvedAt = w.time.now;
  return w.root;
}

async function newMember(s: Scene, { superadmin }: { superadmin: boolean }): Promise<Member> {
  const { email, username, password } = somebody();
  const { id: userId } = await s.app.setup.createUser(SYSTEM_CALLER, { email, username, password, superadmin });
  return { userId, username, email, password, ...(await signIn(s, { email, password })) };
}

/** One more session of somebody. */
export async function signIn(s: Scene, person: { email: string; password: string }) {
  const { accessToken: token, session } = await s.client.login(person);
  // The time of the sign-in is noted after its answer; nobody's record may change by itself under a test.
  await s.app.relay.deliverDue();
  return { token, sessionId: session.id };
}

/** Somebody new with exactly these roles, by codes or ids. */
export async function member(w: World, roles: readonly string[] = ['user']): Promise<Member> {
  const made = await newMember(w, { superadmin: false });
  if (roles.join() !== 'user') await giveRoles(w, made.userId, roles);
  return made;
}

/** Replaces somebody's roles. */
export async function giveRoles(w: World, userId: string, roles: readonly string[]): Promise<void> {
  const token = await freshRoot(w);
  ok(await w.client.send('PUT', `/admin/users/${userId}/roles`, { token, body: { roles } }), 200);
}

/** Sends `{}`, where the method takes a body, to a path as it is. */
export function ask(w: World, method: Method, path: string, token?: string | undefined) {
  return w.app.http.inject({
    method,
    url: path,
    headers: { 'user-agent': FIREFOX, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    ...(takesBody(method) && { payload: {} }),
  });
}

export function takesBody(method: Method): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}

let made = 0;

/** A new role; its id. */
export async function newRole(
  w: World,
  fields: { code?: string; permissions?: readonly string[]; enabled?: boolean; mfa?: string; trustDevices?: boolean },
): Promise<string> {
  made += 1;
  const body = { code: `role_${made}`, name: `Role ${made}`, ...fields };
  return ok<{ id: string }>(await w.client.send('POST', '/admin/roles', { token: await freshRoot(w), body }), 201).id;
}

/** A new key, made at this path by whoever the token is of. */
export async function newKey(w: World, path: string, token: string, scopes: readonly string[]): Promise<string> {
  const expiresAt = new Date(w.time.now.getTime() + 30 * DAY).toISOString();
  const body = { name: 'A key', scopes, expiresAt };
  return ok<{ secret: string }>(await w.client.send('POST', path, { token, body }), 201).secret;
}
