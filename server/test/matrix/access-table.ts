import { MATRICES } from './module-matrices.ts';
import { type AccessTable, type Method, mine, open, permitted, type Rule } from './rules.ts';

export type { AccessTable, Method, Rule } from './rules.ts';

const TABLE: AccessTable = {
  'GET:/': open(200),
  'GET:/setup': open(200),
  'GET:/reset-password': open(200),
  'GET:/accept-invitation': open(200),
  'GET:/stop-email-change': open(200),
  'GET:/health': open(200),
  'GET:/ready': open(200),
  'GET:/api/v1/health/liveness': open(200),
  'GET:/api/v1/health/readiness': open(200),
  'GET:/.well-known/jwks.json': open(200),
  'GET:/.well-known/oauth-authorization-server': open(200),
  'GET:/docs/errors': open(200),
  'GET:/dev/mailbox': open(200),
  'GET:/api/v1/ws': open(426),

  'POST:/api/v1/setup': open(400),
  'GET:/api/v1/auth/keys/public': open(200),
  'POST:/api/v1/auth/register': open(400),
  'POST:/api/v1/auth/verify-email': open(400),
  'POST:/api/v1/auth/resend-verification': open(400),
  'POST:/api/v1/auth/accept-invitation': open(400),
  'POST:/api/v1/auth/login': open(400),
  'POST:/api/v1/auth/token': open(415),
  'POST:/api/v1/auth/discover': open(400),
  'POST:/api/v1/auth/complete-step': open(400),
  'POST:/api/v1/auth/flow': open(400),
  'POST:/api/v1/auth/flow/options': open(400),
  'GET:/api/v1/auth/whoami': mine(200, { machines: true }),
  'POST:/api/v1/auth/refresh': open(401),
  'POST:/api/v1/auth/request-password-reset': open(400),
  'POST:/api/v1/auth/reset-password': open(400),
  'POST:/api/v1/auth/stop-email-change': open(400),
  'POST:/api/v1/auth/logout': { access: 'byToken', admitted: 204, endsCaller: true },
  'POST:/api/v1/auth/logout-all': mine(204, { endsCaller: true }),
  'POST:/api/v1/auth/reauthenticate': mine(400),
  'POST:/api/v1/auth/change-password': mine(400),

  'GET:/api/v1/sessions': mine(200),
  'DELETE:/api/v1/sessions': mine(204),
  'DELETE:/api/v1/sessions/{id}': mine(404),

  'GET:/api/v1/users/me': mine(200),
  'PATCH:/api/v1/users/me': mine(400),
  'DELETE:/api/v1/users/me': mine(204, { superadmin: 409, fresh: true, endsCaller: true }),
  'POST:/api/v1/users/me/email': mine(400, { fresh: true }),
  'POST:/api/v1/users/me/email/confirm': mine(400),
  'GET:/api/v1/users/me/events': mine(200),
  'GET:/api/v1/users/me/permissions': mine(200),
  'GET:/api/v1/users/by-name/{username}': open(404),

  'GET:/api/v1/admin/users': permitted(200),
  'POST:/api/v1/admin/users': permitted(400, { fresh: 'sessions' }),
  'POST:/api/v1/admin/users/bulk': permitted(400),
  'GET:/api/v1/admin/users/{id}': permitted(200),
  'PATCH:/api/v1/admin/users/{id}': permitted(400),
  'DELETE:/api/v1/admin/users/{id}': permitted(204),
  'DELETE:/api/v1/admin/users/{id}/pending-email': permitted(204),
  'PUT:/api/v1/admin/users/{id}/roles': permitted(400, { fresh: 'sessions' }),
  'POST:/api/v1/admin/users/{id}/activate': permitted(200, { fresh: 'sessions' }),
  'POST:/api/v1/admin/users/{id}/deactivate': permitted(200),
  'POST:/api/v1/admin/users/{id}/restore': permitted(409, { fresh: 'sessions' }),
  'POST:/api/v1/admin/users/{id}/unlock': permitted(200),
  'POST:/api/v1/admin/users/{id}/password-reset': permitted(202, { fresh: 'sessions' }),
  'POST:/api/v1/admin/users/{id}/temporary-password': permitted(400, { fresh: 'sessions' }),
  'GET:/api/v1/admin/users/{id}/events': permitted(200),
  'GET:/api/v1/admin/users/{id}/explain': permitted(200, { query: '?method=GET&path=/api/v1/users/me' }),
  'GET:/api/v1/admin/users/{id}/sessions': permitted(200),
  'DELETE:/api/v1/admin/users/{id}/sessions': permitted(204),
  'DELETE:/api/v1/admin/users/{id}/sessions/{sessionId}': permitted(204),

  'GET:/api/v1/admin/roles': permitted(200),
  'POST:/api/v1/admin/roles': permitted(400, { fresh: 'sessions' }),
  'POST:/api/v1/admin/roles/delete': permitted(400),
  'GET:/api/v1/admin/roles/{id}': permitted(200),
  'PATCH:/api/v1/admin/roles/{id}': permitted(400, { fresh: 'sessions' }),
  'DELETE:/api/v1/admin/roles/{id}': permitted(204),
  'GET:/api/v1/admin/roles/{id}/users': permitted(200),

  'GET:/api/v1/admin/routes': permitted(200),
  'GET:/api/v1/admin/events': permitted(200),

  'GET:/api/v1/admin/keys': permitted(200),
  'POST:/api/v1/admin/keys/rotate': permitted(200, { sensitive: true, fresh: true }),
  'POST:/api/v1/admin/keys/{id}/revoke': permitted(200, { sensitive: true, fresh: true }),

  'GET:/api/v1/admin/jobs': permitted(200),
  'GET:/api/v1/admin/jobs/{id}': permitted(200),
  'DELETE:/api/v1/admin/jobs/{id}': permitted(204),
  'POST:/api/v1/admin/jobs/{id}/retry': permitted(409),
  'POST:/api/v1/admin/jobs/{id}/cancel': permitted(200),
  'GET:/api/v1/admin/queues': permitted(200),
  'POST:/api/v1/admin/queues/{name}/pause': permitted(204),
  'POST:/api/v1/admin/queues/{name}/resume': permitted(204),

  'GET:/api/v1/admin/schedules': permitted(200),
  'POST:/api/v1/admin/schedules': permitted(400),
  'POST:/api/v1/admin/schedules/preview': permitted(400),
  'GET:/api/v1/admin/schedules/{id}': permitted(200),
  'PATCH:/api/v1/admin/schedules/{id}': permitted(400),
  'DELETE:/api/v1/admin/schedules/{id}': permitted(204),
  'POST:/api/v1/admin/schedules/{id}/run': permitted(202),
  'GET:/api/v1/admin/schedules/{id}/runs': permitted(200),
};

/**
 * Every route of the server and whom it admits, written by hand, here or in the `.matrix.ts` of its module: what the matrix expects comes
 * from there, never from the routes themselves. A route that is missing fails the run.
 */
export const PRODUCT = merged([TABLE, ...MATRICES.map(({ rules }) => rules)]);

/** What there is besides with `DOCS=on`. */
export const DOCS: AccessTable = {
  'GET:/openapi.json': open(200),
  'GET:/redoc': open(200),
  'GET:/redoc/redoc.standalone.js': open(200),
  'GET:/docs': open(200),
  'GET:/docs/json': open(200),
  'GET:/docs/yaml': open(200),
  'GET:/docs/static/*': open(200),
  'GET:/docs/static/index.html': open(302),
  'GET:/docs/static/swagger-initializer.js': open(200),
};

/** One table of several. Throws where two of them tell of one route. */
export function merged(tables: readonly AccessTable[]): AccessTable {
  const all: AccessTable = {};
  for (const [code, rule] of tables.flatMap((table) => Object.entries(table))) {
    if (Object.hasOwn(all, code)) throw new Error(`Two tables tell of ${code}.`);
    all[code] = rule;
  }
  return all;
}

/** What a table does not know of these routes, and what it knows too much. */
export function differences(table: AccessTable, codes: readonly string[]): string[] {
  const unknown = codes.filter((code) => !Object.hasOwn(table, code)).map((code) => `${code}: not in the table`);
  const gone = Object.keys(table).filter((code) => !codes.includes(code));
  return [...unknown, ...gone.map((code) => `${code}: no such route`)];
}

/** The rule of a route; throws where there is none. */
export function ruleOf(table: AccessTable, code: string): Rule {
  const rule = table[code];
  if (!rule) throw new Error(`The table does not know ${code}.`);
  return rule;
}

/** The codes that roles can grant. */
export function permissionCodes(table: AccessTable): string[] {
  return Object.keys(table).filter((code) => table[code]?.access === 'permission');
}

/** Method and path of a code. */
export function split(code: string): { method: Method; path: string } {
  const colon = code.indexOf(':');
  return { method: code.slice(0, colon) as Method, path: code.slice(colon + 1) };
}
