import { errorTable } from '../../src/errors.ts';
import { MARK, SECRET } from './inputs.ts';

/** An answer, however it came. */
export interface FuzzAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
}

/** What is known of the question. */
export interface Asked {
  method: string;
  /** Why no answer but an error is right; null where that is not known. */
  mustFail: string | null;
}

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const SECONDS = /^[1-9]\d*$/;
/** Traces of the inside: stacks, files, SQL. */
const INSIDE = /node_modules|\.[tj]s:\d|\n\s+at |SQLITE|select .* from/i;

/** What is wrong with an answer to a hostile input; empty: nothing. */
export function faultsOf(answer: FuzzAnswer, { method, mustFail }: Asked): string[] {
  const { status, headers, body } = answer;
  const faults: string[] = [];
  const demand = (holds: boolean, fault: string) => void (holds || faults.push(fault));

  demand(status < 500 || (status === 503 && SECONDS.test(headers['retry-after'] ?? '')), 'a 5xx that is no honest 503');
  demand(REQUEST_ID.test(headers['x-request-id'] ?? ''), 'no well-formed X-Request-Id');
  demand(!(headers['x-request-id'] ?? '').includes(MARK), 'an ill-formed X-Request-Id is given back');
  demand(!body.includes(SECRET) && !Object.values(headers).join().includes(SECRET), 'a password is given back');
  demand(mustFail === null || status >= 400, `taken, though it has ${mustFail}`);
  demand(status !== 204 || body === '', 'a 204 with a body');
  if (status < 400) return faults;

  demand(
    /^application\/problem\+json(;|$)/.test(headers['content-type'] ?? ''),
    'an error that is no problem document',
  );
  demand(!Object.values(headers).join('\n').includes(MARK), 'an error repeats the input in its header fields');
  demand(status !== 401 || headers['www-authenticate'] !== undefined, 'a 401 without WWW-Authenticate');
  demand(status !== 405 || headers.allow !== undefined, 'a 405 without Allow');
  demand(status !== 429 || SECONDS.test(headers['retry-after'] ?? ''), 'a 429 without Retry-After');
  if (method === 'HEAD') demand(body === '', 'an answer to HEAD with a body');
  else faults.push(...problemFaults(answer));
  return faults;
}

function problemFaults({ status, headers, body }: FuzzAnswer): string[] {
  const problem = parse(body);
  if (problem === null) return ['an error whose body is no JSON object'];
  const spec = errorTable[codeOf(body)];
  const faults: string[] = [];
  if (spec === undefined) faults.push('an unknown code');
  else if (spec.status !== status || problem.status !== status) faults.push('a code with the status of another');
  else if (problem.title !== spec.title) faults.push('a code with the title of another');
  if (problem.requestId !== headers['x-request-id']) faults.push('a requestId that is not X-Request-Id');
  // Unknown fields are named; nothing else of the input comes back.
  const rest = body.replace(/"path":"[^"]*","message":"There is no such field/g, '');
  if (rest.includes(MARK)) faults.push('an error repeats the input');
  if (INSIDE.test(body)) faults.push('an error shows the inside');
  return faults;
}

/** The code of a problem document; empty where there is none. */
export function codeOf(body: string): string {
  const code = parse(body)?.code;
  return typeof code === 'string' && Object.hasOwn(errorTable, code) ? code : '';
}

function parse(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
