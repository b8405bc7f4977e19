import { DatabaseUnreachable } from './errors.ts';
import { type RootCause, rootCause } from './root-cause.ts';
import type { ServerTarget } from './url.ts';

interface Place extends ServerTarget {
  /** Product and place. */
  server: string;
  /** Whether it was tried without TLS. */
  isClear: boolean;
}

interface Cause {
  /** Codes of the drivers and of Node: SQLSTATE, MySQL's names, MongoDB's numbers and names. Never words of a message: those are in any language. */
  codes: readonly unknown[];
  /** The function of PostgreSQL that gave up, for codes that it uses for several things. */
  routine?: string;
  say(place: Place, message: string): string;
}

/** How a URL of this product asks for TLS. */
const askForTls = ({ product }: ServerTarget) =>
  ({ PostgreSQL: '?sslmode=require', MySQL: '?ssl-mode=REQUIRED', MongoDB: '?tls=true' })[product];

const CERTIFICATE = [
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
  // mysql2 puts it in the place of the above.
  'HANDSHAKE_SSL_ERROR',
];

/** The first that fits decides. */
const CAUSES: readonly Cause[] = [
  {
    codes: ['ENOTFOUND', 'EAI_AGAIN'],
    say: ({ server }) => `The host of ${server} cannot be found; check its name in the database URL.`,
  },
  {
    codes: ['ERR_TLS_CERT_ALTNAME_INVALID'],
    say: ({ server }) =>
      `${server} has a certificate for another name; use the name of the certificate in the database URL, or sslmode=verify-ca with DATABASE_CA_FILE.`,
  },
  {
    codes: CERTIFICATE,
    say: ({ server }, message) =>
      `${server} has a certificate that is not trusted (${message}); if its authority is a private one, name that in DATABASE_CA_FILE.`,
  },
  {
    codes: ['NO_TLS', 'HANDSHAKE_NO_SSL_SUPPORT'],
    say: ({ server }) => `${server} does not offer TLS, which the database URL or DATABASE_CA asks for.`,
  },
  {
    codes: ['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
    say: ({ server }, message) => `TLS with ${server} failed (${message}).`,
  },
  {
    codes: ['ER_SECURE_TRANSPORT_REQUIRED'],
    say: (place) => `${place.server} takes connections with TLS only; add ${askForTls(place)} to the database URL.`,
  },
  {
    // No line of pg_hba.conf lets this user in from here, with or without TLS as it was tried.
    codes: ['28000'],
    routine: 'ClientAuthentication',
    say: (place) =>
      place.isClear
        ? `${place.server} does not admit the user "${place.user}" from here without TLS; add ${askForTls(place)} to the database URL, or a line for this host to pg_hba.conf.`
        : `${place.server} does not admit the user "${place.user}" to "${place.database}" from here; add a line to pg_hba.conf.`,
  },
  {
    codes: ['28000'],
    routine: 'InitializeSessionUserId',
    say: ({ server, user }) => `${server} has no user "${user}" that may sign in.`,
  },
  {
    codes: ['28000'],
    say: ({ server, user }, message) => `${server} does not admit the user "${user}" (${message}).`,
  },
  {
    // Also what MySQL says of a user that must use TLS.
    codes: ['28P01', 'ER_ACCESS_DENIED_ERROR', 'ER_ACCESS_DENIED_NO_PASSWORD_ERROR', 18, 8000],
    say: (place) => {
      if (place.user === '') return `${place.server} asks for a user and password; put them into the database URL.`;
      const refusal = `${place.server} refuses the user "${place.user}" with this password`;
      if (place.product === 'MySQL' && place.isClear) {
        return `${refusal}; if it takes this user with TLS only, add ${askForTls(place)} to the database URL.`;
      }
      const isElsewhere = place.product === 'MongoDB' && !place.options.has('authsource');
      return isElsewhere
        ? `${refusal}; if it is a user of the database "admin", add ?authSource=admin.`
        : `${refusal}.`;
    },
  },
  {
    codes: ['ER_HOST_NOT_PRIVILEGED', 'ER_HOST_IS_BLOCKED'],
    say: ({ server }, message) => `${server} does not admit this host (${message}).`,
  },
  {
    codes: ['ER_ACCOUNT_HAS_BEEN_LOCKED', 'ER_MUST_CHANGE_PASSWORD_LOGIN', 'ER_MUST_CHANGE_PASSWORD'],
    say: ({ server, user }, message) =>
      `${server} has locked the user "${user}", or wants a new password of it (${message}).`,
  },
  {
    codes: ['3D000', 'ER_BAD_DB_ERROR'],
    say: ({ server, database }) => `${server} has no database "${database}"; create it first.`,
  },
  {
    codes: [13],
    say: ({ server, user, database }) =>
      user === ''
        ? `${server} asks for a user and password; put them into the database URL.`
        : `${server} does not let the user "${user}" use the database "${database}".`,
  },
  {
    codes: ['42501', 'ER_DBACCESS_DENIED_ERROR'],
    say: ({ server, user, database }) => `${server} does not let the user "${user}" use the database "${database}".`,
  },
  {
    codes: ['53300', 'ER_CON_COUNT_ERROR', 'ER_TOO_MANY_USER_CONNECTIONS', 'ER_USER_LIMIT_REACHED'],
    say: ({ server }) => `${server} has no connection left; raise its limit or lower the pool size.`,
  },
  {
    codes: ['57P03', '57P01', '57P02', 'ER_SERVER_SHUTDOWN', 91, 11_600, 11_602],
    say: ({ server }) => `${server} is starting or shutting down; try again in a moment.`,
  },
  {
    codes: ['08P01', '42P05', '26000'],
    say: ({ server }, message) =>
      `${server} cannot be used: ${message}; if a pooler is between, set DATABASE_POOLER=transaction.`,
  },
  {
    codes: ['ENOENT', 'EACCES'],
    say: ({ server, hosts }, message) =>
      hosts[0]?.startsWith('/')
        ? `${server} cannot be reached by its socket (${message}); is it running, and may this user use it?`
        : `${server} cannot be used: ${message}.`,
  },
  {
    codes: ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'PROTOCOL_CONNECTION_LOST'],
    say: ({ server }) => `${server} refuses connections; is it running?`,
  },
  {
    codes: [
      'ETIMEDOUT',
      'EHOSTUNREACH',
      'ENETUNREACH',
      'EHOSTDOWN',
      'MongoNetworkTimeoutError',
      'MongoServerSelectionError',
    ],
    say: ({ server }) => `${server} does not answer; is it running and reachable?`,
  },
];

/** One sentence for the operator: the server and the problem. What is not known is told in the words of the driver. `ca`: see `ConnectOptions`. */
export function unreachable(
  target: ServerTarget,
  error: unknown,
  { ca = null }: { ca?: string | null } = {},
): DatabaseUnreachable {
  if (error instanceof DatabaseUnreachable) return error;
  const cause = rootCause(error);
  const isClear =
    target.hosts[0]?.startsWith('/') || target.tls?.mode === 'off' || (target.tls === null && ca === null);
  const place = { ...target, server: `${target.product} at ${target.host}`, isClear: Boolean(isClear) };
  const message = withoutSecrets(cause.message, target);
  const known = CAUSES.find((one) => fits(one, cause));
  return new DatabaseUnreachable(known?.say(place, message) ?? `${place.server} cannot be used: ${message}.`, error);
}

function fits({ codes, routine }: Cause, cause: RootCause): boolean {
  return cause.codes.some((code) => codes.includes(code)) && (routine === undefined || cause.routine === routine);
}

function withoutSecrets(message: string, { password, url }: ServerTarget): string {
  let clean = message.replaceAll(url, '…');
  for (const secret of [password, encodeURIComponent(password)]) {
    if (secret !== '') clean = clean.replaceAll(secret, '…');
  }
  return clean.replace(/\s+/g, ' ').replace(/\.$/, '');
}
