import { DatabaseUnreachable } from './errors.ts';
import type { ServerTarget } from './url.ts';

const REFUSED = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'PROTOCOL_CONNECTION_LOST']);
const UNKNOWN_HOST = new Set(['ENOTFOUND', 'EAI_AGAIN']);
const SILENT = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);
const CREDENTIALS = new Set(['28P01', '28000', 'ER_ACCESS_DENIED_ERROR', 18, 13]);
const UNKNOWN_DATABASE = new Set(['3D000', 'ER_BAD_DB_ERROR']);
const NO_ACCESS = new Set(['42501', 'ER_DBACCESS_DENIED_ERROR']);
const TOO_MANY = new Set(['53300', 'ER_CON_COUNT_ERROR', 'ER_TOO_MANY_USER_CONNECTIONS']);

/** One sentence for the operator: the server and the problem. */
export function unreachable(target: ServerTarget, error: unknown): DatabaseUnreachable {
  if (error instanceof DatabaseUnreachable) return error;
  const server = `${target.product} at ${target.host}`;
  const cause = rootCause(error);
  return new DatabaseUnreachable(sentence(target, server, cause), error);
}

function sentence(target: ServerTarget, server: string, { codes, message }: RootCause): string {
  const any = (known: Set<unknown>) => codes.some((code) => known.has(code));
  if (any(UNKNOWN_HOST)) return `The host of ${server} cannot be found; check its name in the database URL.`;
  if (any(CREDENTIALS)) {
    return target.user === ''
      ? `${server} asks for a user and password; put them into the database URL.`
      : `${server} refuses the user "${target.user}" with this password.`;
  }
  if (any(UNKNOWN_DATABASE)) return `${server} has no database "${target.database}"; create it first.`;
  if (any(NO_ACCESS)) return `${server} does not let the user "${target.user}" use the database "${target.database}".`;
  if (any(TOO_MANY)) return `${server} has no connection left; raise its limit or lower the pool size.`;
  if (any(REFUSED) || /ECONNREFUSED/.test(message)) return `${server} refuses connections; is it running?`;
  if (any(UNKNOWN_HOST) || /ENOTFOUND|EAI_AGAIN/.test(message)) return `The host of ${server} cannot be found.`;
  if (any(SILENT) || /timeout|timed out/i.test(message))
    return `${server} does not answer; is it running and reachable?`;
  return `${server} cannot be used: ${withoutSecrets(message, target)}.`;
}

interface RootCause {
  codes: unknown[];
  message: string;
}

/** Drivers wrap the cause: our own 503, MongoDB's topology description, Node's list of tried addresses. */
function rootCause(error: unknown): RootCause {
  const codes: unknown[] = [];
  let message = '';
  const seen = new Set<unknown>();
  const look = (value: unknown): void => {
    if (!(value instanceof Error) || seen.has(value)) return;
    seen.add(value);
    const { code, reason } = value as Error & { code?: unknown; reason?: unknown };
    if (code !== undefined) codes.push(code);
    if (value.message !== '') message = value.message;
    if (value instanceof AggregateError) value.errors.forEach(look);
    if (typeof reason === 'object' && reason !== null && 'servers' in reason && reason.servers instanceof Map) {
      for (const server of reason.servers.values()) look(server.error);
    }
    look(value.cause);
  };
  look(error);
  return { codes, message };
}

function withoutSecrets(message: string, { password, url }: ServerTarget): string {
  let clean = message.replaceAll(url, '…');
  for (const secret of [password, encodeURIComponent(password)]) {
    if (secret !== '') clean = clean.replaceAll(secret, '…');
  }
  return clean.replace(/\.$/, '');
}
