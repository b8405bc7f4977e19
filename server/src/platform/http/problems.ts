import type { FastifyError } from 'fastify';
import { AppError, type ErrorFactory, type Fault, platformErrors } from '../errors.ts';
import { ERRORS_PATH } from './errors-page.ts';
import { describeFaults } from './validation-faults.ts';

/** Default `Retry-After` of a 503, in seconds. */
const RETRY_AFTER = '5';

/** An error in its wire form. */
export interface Problem {
  status: number;
  headers: Record<string, string>;
  /** `application/problem+json` (RFC 9457), as UTF-8. */
  body: Buffer;
}

/** The error names of Fastify and its plugins that have a code here. */
const BY_FASTIFY_CODE: Record<string, ErrorFactory> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: platformErrors.unsupported_media_type,
  FST_ERR_CTP_BODY_TOO_LARGE: platformErrors.body_too_large,
  FST_ERR_CTP_EMPTY_JSON_BODY: platformErrors.malformed_body,
  FST_ERR_CTP_INVALID_JSON_BODY: platformErrors.malformed_body,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: platformErrors.malformed_body,
  FST_ERR_BAD_URL: platformErrors.malformed_request,
  FST_ERR_MAX_PARAM_LENGTH: platformErrors.uri_too_long,
};

const BY_STATUS: Record<number, ErrorFactory> = {
  404: platformErrors.not_found,
  413: platformErrors.body_too_large,
  415: platformErrors.unsupported_media_type,
};

/** The coded error for any thrown value; an unexpected one is `internal_error`. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (!(error instanceof Error)) return platformErrors.internal_error({ cause: error });
  const { code, statusCode, validation, validationContext } = error as Partial<FastifyError>;
  if (validation !== undefined) {
    return platformErrors.validation_failed({ errors: describeFaults(validation, validationContext) });
  }
  const known = BY_FASTIFY_CODE[code ?? ''] ?? BY_STATUS[statusCode ?? 500];
  if (known !== undefined) return known({ cause: error });
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return platformErrors.malformed_request({ cause: error });
  }
  return platformErrors.internal_error({ cause: error });
}

/**
 * The members of a problem document. `type` refers to the list of codes, on this server; clients
 * distinguish errors by `code`.
 */
export function toDocument(
  { code, status, message, extras }: Pick<AppError, 'code' | 'status' | 'message' | 'extras'>,
  { requestId, publicPath }: Answered,
): Record<string, unknown> {
  const { detail, members } = extras;
  const errors = extras.errors?.map(({ in: place = 'body', path, message }) => ({ in: place, path, message }));
  return {
    type: `${publicPath}${ERRORS_PATH}#${code}`,
    title: message,
    status,
    code,
    detail,
    requestId,
    errors,
    ...members,
  };
}

/** The faulty fields of this body: of the error, and of those that came with it. Undefined where none of them is about a field. */
export function faultsOf(error: AppError, body: unknown): Fault[] | undefined {
  const faults = [error, ...(error.extras.others ?? [])].flatMap((each) => each.extras.errors ?? placeOf(each, body));
  return faults.length === 0 ? undefined : faults;
}

/** Which field of this body an error is about, if its table says that it is about one. */
function placeOf({ fields, message }: AppError, body: unknown): Fault[] {
  if (typeof body !== 'object' || body === null) return [];
  const field = fields.find((name) => Object.hasOwn(body, name));
  return field === undefined ? [] : [{ in: 'body', path: `/${field}`, message }];
}

/** The request that an error answers. */
export interface Answered {
  requestId: string;
  /** The path of `PUBLIC_URL`. */
  publicPath: string;
  /** If it was read. */
  body?: unknown;
}

/** The wire form of a coded error. */
export function toProblem(error: AppError, { requestId, publicPath, body }: Answered): Problem {
  const { code, status, message } = error;
  const extras = { ...error.extras, errors: faultsOf(error, body) };
  const headers: Record<string, string> = { 'cache-control': 'no-store', ...extras.headers };
  if (status === 503) headers['retry-after'] ??= RETRY_AFTER;
  headers['content-type'] = 'application/problem+json';
  return {
    status,
    headers,
    body: Buffer.from(JSON.stringify(toDocument({ code, status, message, extras }, { requestId, publicPath }))),
  };
}
