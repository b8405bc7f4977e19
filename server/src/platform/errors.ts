import { type Static, type TObject, type TProperties, Type } from 'typebox';

/** One line of an error table: what a client sees of an error beside its code. */
export interface ErrorSpec {
  /** HTTP status, 400 to 599. */
  status: number;
  /** One short sentence, the same for every occurrence. */
  title: string;
  /** For `docs/errors.md`, which is written from here: what it means, and what to do. Markdown. Without it, what the page says stays. */
  help?: string;
  /** What bodies call the field that this is about: problem documents then tell which it was. */
  fields?: readonly string[];
  /** Members of the problem document beside those of all (RFC 9457, 3.2), each with an example. Whoever throws the error gives them. */
  members?: TProperties;
}

/** What is wrong with a field of a request. */
export interface Fault {
  /** The part of the request; `body` if not set. */
  in?: 'body' | 'query' | 'path' | 'header';
  /** A JSON pointer (RFC 6901) into that part; empty: all of it. */
  path: string;
  /** A sentence for whoever filled the field in. */
  message: string;
}

export interface ErrorExtras {
  /** What the user can do about this occurrence. It must never repeat what the client sent. */
  detail?: string;
  /** Header fields for the answer (`Retry-After`, `WWW-Authenticate` …). */
  headers?: Record<string, string>;
  /** Members added to the problem document (RFC 9457, 3.2), such as `step` and `flowToken`. */
  members?: Record<string, unknown>;
  /** Faulty fields. Where a table names the `fields` of an error, they follow from the body. */
  errors?: Fault[];
  /** What else is wrong with the same body: the fields of these errors are told, too. */
  others?: AppError[];
  /** The underlying error; logged, never sent. */
  cause?: unknown;
}

/** An error of the API contract: the client receives it as `application/problem+json` with this `code`. */
export class AppError extends Error {
  readonly code: string;
  readonly status: number;
  readonly fields: readonly string[];
  readonly extras: ErrorExtras;

  constructor(code: string, spec: ErrorSpec, extras: ErrorExtras = {}) {
    super(spec.title, { cause: extras.cause });
    this.name = 'AppError';
    this.code = code;
    this.status = spec.status;
    this.fields = spec.fields ?? [];
    this.extras = extras;
  }

  /** The same error, which also tells of the fields of these. */
  with(others: AppError[]): AppError {
    const { code, status, message: title, fields } = this;
    return new AppError(code, { status, title, fields }, { ...this.extras, others });
  }
}

type Members<T> = T extends { members: infer M extends TProperties } ? Static<TObject<M>> : object;
/** What makes an error; one whose table names members that are not optional cannot be made without them. */
export type ErrorFactory<T = object> =
  object extends Members<T>
    ? (extras?: ErrorExtras & { members?: Members<T> }) => AppError
    : (extras: ErrorExtras & { members: Members<T> }) => AppError;
export type ErrorTable = Record<string, ErrorSpec>;

/**
 * Turns a module's error table into throwable errors: `throw errors.code_invalid()`.
 * The table itself is available as `table`, for the OpenAPI document and the test of the docs.
 */
export function defineErrors<const T extends ErrorTable>(
  table: T,
): { [K in keyof T]: ErrorFactory<T[K]> } & { table: T } {
  const factories = Object.fromEntries(
    Object.entries(table).map(([code, spec]) => [code, (extras?: ErrorExtras) => new AppError(code, spec, extras)]),
  );
  return Object.assign(factories, { table }) as { [K in keyof T]: ErrorFactory<T[K]> } & { table: T };
}

/** One table of several. Throws a TypeError where two of them define a code: clients decide by it. */
export function mergeErrors(...groups: { table: ErrorTable }[]): ErrorTable {
  const merged: ErrorTable = {};
  for (const { table } of groups) {
    for (const [code, spec] of Object.entries(table)) {
      if (Object.hasOwn(merged, code)) throw new TypeError(`Two error tables define ${code}.`);
      merged[code] = spec;
    }
  }
  return merged;
}

/** The `AppError` that a promise rejects with, or null if it resolves; for lists of results. Rejects with any other error. */
export async function outcomeOf(work: Promise<unknown>): Promise<AppError | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof AppError && error.status < 500) return error;
    throw error;
  }
}

type Checks = Record<string, () => unknown>;
type Checked<T extends Checks> = { [K in keyof T]: Awaited<ReturnType<T[K]>> };

/**
 * The results of checks of different fields, so that a form learns everything that is wrong with it at once: each check runs, whatever the
 * others find. `last` runs after them with the results of those that passed. Throws the first `AppError`, with the others in it; any other
 * error at once.
 *
 *     const { address } = await checkFields({ address: () => toEmail(email) }, ({ address }) => policy.check(password, { ...address }));
 */
export async function checkFields<T extends Checks>(
  checks: T,
  last: (passed: Partial<Checked<T>>) => unknown = () => {},
): Promise<Checked<T>> {
  const results: Partial<Checked<T>> = {};
  const faults: AppError[] = [];
  const run = async (check: () => unknown) => {
    try {
      return await check();
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
      faults.push(error, ...(error.extras.others ?? []));
    }
  };
  for (const name of Object.keys(checks) as (keyof T)[]) {
    const result = (await run(checks[name] as () => unknown)) as Checked<T>[typeof name] | undefined;
    if (result !== undefined) results[name] = result;
  }
  await run(() => last(results));
  const [first, ...others] = faults;
  if (first) throw others.length === 0 ? first : first.with(others);
  return results as Checked<T>;
}

/** The errors that the platform itself answers with; modules add their own tables. */
export const platformErrors = defineErrors({
  validation_failed: { status: 400, title: 'The request does not fit its schema.' },
  malformed_body: { status: 400, title: 'The body could not be read.' },
  malformed_request: { status: 400, title: 'The request could not be read.' },
  unauthenticated: { status: 401, title: 'A valid access token is needed.' },
  reauth_required: {
    status: 401,
    title: 'Prove yourself again; the sign-in is too old or too weak for this.',
    members: {
      accept: Type.Optional(
        Type.Array(Type.Array(Type.String()), {
          description: 'Sets of proofs that would do, told by `POST /auth/reauthenticate`.',
          examples: [[['passkey'], ['password', 'totp']]],
        }),
      ),
    },
  },
  origin_refused: { status: 403, title: 'Pages of this origin may not do this.' },
  host_refused: { status: 400, title: 'This host name is not served.' },
  forbidden: { status: 403, title: 'You are not allowed to do this.' },
  credential_refused: {
    status: 403,
    title: 'This needs a signed-in user; credentials of programs are not accepted.',
    help: 'The route is for sessions: sign in, and send the access token of the session.',
  },
  scope_insufficient: {
    status: 403,
    title: 'The scope of this credential does not include this.',
    help: '`WWW-Authenticate` names the scopes that would do.',
  },
  email_unverified: { status: 403, title: 'The e-mail address must be verified first.' },
  not_found: { status: 404, title: 'This resource does not exist.' },
  method_not_allowed: { status: 405, title: 'This resource does not support that method.' },
  request_timeout: { status: 408, title: 'The request took too long to arrive.' },
  body_too_large: { status: 413, title: 'The body is too large.' },
  uri_too_long: { status: 414, title: 'The URL is too long.' },
  version_conflict: {
    status: 412,
    title: 'The record was changed since you read it.',
    help: 'Read it again, apply your change to what is there now, and send it with the new `ETag` in `If-Match`.',
  },
  unsupported_media_type: { status: 415, title: 'The content type of the body is not supported.' },
  upgrade_required: {
    status: 426,
    title: 'This address speaks WebSocket.',
    help: 'Connect with a WebSocket client; `docs/realtime.md` says how.',
  },
  headers_too_large: { status: 431, title: 'The header fields are too large.' },
  rate_limited: { status: 429, title: 'Too many requests; try again later.' },
  internal_error: { status: 500, title: 'Something went wrong on our side.' },
  overloaded: { status: 503, title: 'The server is busy; try again shortly.' },
  unavailable: {
    status: 503,
    title: 'The service is not available right now; try again shortly.',
    members: {
      checks: Type.Optional(
        Type.Unsafe<Record<string, string>>({
          type: 'object',
          additionalProperties: { type: 'string' },
          description: 'Of readiness only: what is `up` and what is `down`.',
          examples: [{ database: 'down' }],
        }),
      ),
    },
  },
});
