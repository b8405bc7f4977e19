import { MINUTE } from '../../src/platform/clock.ts';
import { ok } from '../client.ts';
import { freshRoot, giveRoles, type Member, member, newKey, newRole, signIn, type World } from './world.ts';

/** The columns of the matrix. Whoever is shut out had the administrator's role: nothing but their state keeps them out. */
export const CALLERS = [
  'anonymous',
  'forged token',
  'superadmin',
  'admin',
  'user',
  'guest',
  'exact role',
  'every other code',
  'service key',
  'narrowed key',
  'disabled role',
  'below MFA',
  'unverified user',
  'stale sign-in',
  'disabled user',
  'deleted user',
  'ended session',
] as const;
/** The one code that the key of an administrator is limited to. */
export const NARROWED_TO = 'GET:/api/v1/admin/routes';

export type Caller = (typeof CALLERS)[number];

export interface Cast {
  /** Gives the callers that depend on the route new roles: for this code, all of `codes` but this, and this but disabled, or demanding MFA. */
  aimAt(code: string, codes: readonly string[]): Promise<void>;
  /** An access token, the same each time; undefined for the anonymous. */
  token(caller: Caller): Promise<string | undefined>;
  /** One of somebody new. */
  freshToken(caller: Caller): Promise<string | undefined>;
}

/** After it, a sign-in is not fresh any more; its access token still serves. */
const STALE_AFTER = 11 * MINUTE;

/** The people of the matrix. From then on the clock must stand still. */
export function createCast(w: World): Cast {
  // The signing keys are no older than the server, and the stale sign-in must be younger than they.
  w.time.forward(STALE_AFTER);
  const aimed = { 'exact role': 'user', 'every other code': 'user', 'disabled role': 'user', 'below MFA': 'user' };
  type Aimed = keyof typeof aimed;
  /** What the service key may. */
  let served = NARROWED_TO;
  const known = new Map<Caller, Promise<Member | undefined>>();

  const admin = () => member(w, ['admin']);
  const root = async (method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) =>
    w.client.send(method, path, { token: await freshRoot(w), body });

  const make: Record<Caller, () => Promise<Member | undefined>> = {
    anonymous: async () => undefined,

    async 'forged token'() {
      const made = await member(w, ['superadmin']);
      const [header, payload, signature = ''] = made.token.split('.');
      const other = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);
      return { ...made, token: [header, payload, other].join('.') };
    },

    superadmin: () => member(w, ['superadmin']),
    admin,
    user: () => member(w, ['user']),
    guest: () => member(w, ['guest']),
    'exact role': () => member(w, [aimed['exact role']]),
    'every other code': () => member(w, [aimed['every other code']]),
    'disabled role': () => member(w, [aimed['disabled role']]),
    'below MFA': () => member(w, [aimed['below MFA']]),

    /** Of a service account whose role grants exactly what the key is limited to. */
    async 'service key'() {
      const token = await freshRoot(w);
      const body = { name: 'A program', roles: [await newRole(w, { permissions: [served] })] };
      const { id } = ok<{ id: string }>(await w.client.send('POST', '/admin/service-accounts', { token, body }), 201);
      return { ...w.superadmin, token: await newKey(w, `/admin/service-accounts/${id}/keys`, token, [served]) };
    },

    async 'narrowed key'() {
      const made = await admin();
      return { ...made, token: await newKey(w, '/users/me/keys', made.token, [NARROWED_TO]) };
    },

    async 'unverified user'() {
      const made = await member(w);
      ok(await root('PATCH', `/admin/users/${made.userId}`, { emailVerified: false }), 200);
      return made;
    },

    async 'stale sign-in'() {
      const made = await admin();
      w.time.forward(-STALE_AFTER);
      const stale = await signIn(w, made);
      w.time.forward(STALE_AFTER);
      return { ...made, ...stale };
    },

    async 'disabled user'() {
      const made = await admin();
      ok(await root('POST', `/admin/users/${made.userId}/deactivate`), 200);
      return made;
    },

    async 'deleted user'() {
      const made = await admin();
      ok(await root('DELETE', `/admin/users/${made.userId}`), 204);
      return made;
    },

    async 'ended session'() {
      const made = await admin();
      ok(await root('DELETE', `/admin/users/${made.userId}/sessions/${made.sessionId}`), 204);
      return made;
    },
  };

  function remembered(caller: Caller): Promise<Member | undefined> {
    const there = known.get(caller) ?? make[caller]();
    known.set(caller, there);
    return there;
  }

  return {
    async aimAt(code, codes) {
      aimed['exact role'] = await newRole(w, { permissions: [code] });
      aimed['every other code'] = await newRole(w, { permissions: codes.filter((other) => other !== code) });
      aimed['disabled role'] = await newRole(w, { permissions: [code], enabled: false });
      aimed['below MFA'] = await newRole(w, { permissions: [code], mfa: 'required' });
      served = code;
      known.delete('service key');
      for (const caller of Object.keys(aimed) as Aimed[]) {
        const there = await remembered(caller);
        if (there) await giveRoles(w, there.userId, [aimed[caller]]);
      }
    },
    token: async (caller) => (await remembered(caller))?.token,
    freshToken: async (caller) => (await make[caller]())?.token,
  };
}
