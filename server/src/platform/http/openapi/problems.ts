import { Type } from 'typebox';
import type { ErrorTable } from '../../errors.ts';
import { toDocument } from '../problems.ts';
import { type Components, refTo } from './components.ts';
import type { Json } from './document.ts';
import { type AnswerHeader, answerHeaders, LIMIT_HEADERS, OLDER_LIMIT_HEADERS } from './headers.ts';

const PROBLEM_TYPE = 'application/problem+json';

const faultSchema = {
  type: 'object',
  required: ['in', 'path', 'message'],
  properties: {
    in: { type: 'string', enum: ['body', 'query', 'path', 'header'], description: 'The part of the request.' },
    path: { type: 'string', description: 'A JSON pointer (RFC 6901) into that part; empty: all of it.' },
    message: { type: 'string', description: 'A sentence for whoever filled the field in.' },
  },
  examples: [{ in: 'body' as const, path: '/email', message: 'This field is required.' }],
};

const faultsSchema: Json = {
  type: 'array',
  items: { $ref: '#/components/schemas/Fault' },
  description: 'What is wrong with which field.',
};

/** The problem document (RFC 9457) that each of those below is made of. */
const problemSchema: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'requestId'],
  properties: {
    type: { type: 'string', format: 'uri-reference', description: 'Reference to the description of the code.' },
    title: { type: 'string', description: 'The same for every occurrence.' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    code: { type: 'string', description: 'Stable; compare this one.' },
    detail: { type: 'string', description: 'What can be done about this occurrence.' },
    requestId: { type: 'string', description: 'As in `X-Request-Id`.' },
    errors: faultsSchema,
  },
};

/** Codes that mostly come together, and what an answer with just these is called. The larger ones first. */
const FAMILIES: [name: string, codes: string[]][] = [
  ['BadBody', ['malformed_request', 'host_refused', 'validation_failed', 'malformed_body']],
  ['BadInput', ['malformed_request', 'host_refused', 'validation_failed']],
  ['BadRequest', ['malformed_request', 'host_refused']],
  ['NotPermitted', ['forbidden', 'scope_insufficient', 'mfa_required']],
];
/** Answers with more codes than that have no name: they belong to one operation. */
const NAMED_CODES = 3;

/** Header fields that answers with these codes have beside those of all answers. */
function headersOf(status: string, codes: string[]): AnswerHeader[] {
  if (status === '429') return [...LIMIT_HEADERS, ...OLDER_LIMIT_HEADERS, 'Retry-After'];
  if (status === '503') return ['Retry-After'];
  return status === '401' || codes.includes('scope_insufficient') ? ['WWW-Authenticate'] : [];
}

export interface ErrorResponses {
  /** What an operation answers with, by status. */
  of(codes: readonly string[]): Record<string, Json>;
}

/** Problem documents as schemas, one a code, and the answers that are made of them. */
export function createErrorResponses(
  errorTable: ErrorTable,
  components: Components,
  publicPath: string,
): ErrorResponses {
  components.add('Problem', problemSchema);
  components.add('Fault', faultSchema);

  /** `step_required` → `StepRequiredProblem`, with the members that it has. */
  function problemOf(code: string): Json {
    const { title = code, members = {} } = errorTable[code] ?? {};
    const own = code === 'validation_failed' ? { errors: Type.Unsafe<unknown>(faultsSchema) } : members;
    const { required, type: _, ...schema } = components.convert(Type.Object({ ...own, code: Type.Literal(code) }));
    // That it is an object and has a code, `Problem` says.
    const ofItsOwn = (required as string[]).filter((name) => name !== 'code');
    return components.add(`${pascal(code)}Problem`, {
      description: title,
      allOf: [refTo('schemas', 'Problem'), { ...schema, ...(ofItsOwn.length > 0 && { required: ofItsOwn }) }],
      ...(Object.keys(own).length > 0 && { examples: [exampleOf(code)] }),
    });
  }

  function exampleOf(code: string): Json {
    const { status = 500, title = code, members = {} } = errorTable[code] ?? {};
    const examples = Object.entries(members).map(([name, schema]) => {
      const { examples: [first] = [] } = schema as { examples?: unknown[] };
      return [name, first];
    });
    const extras = {
      members: Object.fromEntries(examples),
      ...(code === 'validation_failed' && { errors: faultSchema.examples }),
    };
    const document = toDocument(
      { code, status, message: title, extras },
      { requestId: '6f0d2b6e-57a1-4c5e-9d6e-0c7a4a3d2b10', publicPath },
    );
    return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined));
  }

  /** Of a family, which most answers contain, the document writes the list once. */
  function problemsOf(codes: string[]): Json[] {
    const { family, others } = familyIn(codes);
    if (family === null) return others.map(problemOf);
    const [name, members] = family;
    return [components.add(`${name}Problem`, { oneOf: members.map(problemOf) }), ...others.map(problemOf)];
  }

  function responseOf(status: string, codes: string[]): Json {
    const problems = problemsOf(codes);
    const [only = '', ...others] = codes;
    return {
      // What each means stands in its schema.
      description: others.length > 0 ? listOf(codes) : (errorTable[only]?.title ?? only),
      headers: answerHeaders(headersOf(status, codes)),
      content: { [PROBLEM_TYPE]: { schema: problems.length === 1 ? problems[0] : { oneOf: problems } } },
    };
  }

  function respond(status: string, codes: string[]): Json {
    const name = nameOf(codes);
    const response = responseOf(status, codes);
    return name === null ? response : components.share('responses', name, response);
  }

  return {
    of(codes) {
      const byStatus = Map.groupBy(new Set(codes), (code) => String(errorTable[code]?.status ?? 500));
      return Object.fromEntries([...byStatus].map(([status, some]) => [status, respond(status, some.toSorted())]));
    },
  };
}

/** What an answer with these codes is called; null where that would be no name but a list. */
function nameOf(codes: string[]): string | null {
  const { family, others } = familyIn(codes);
  const names = [...(family ? [family[0]] : []), ...others.map(pascal)];
  return names.length > NAMED_CODES ? null : names.join('Or');
}

function listOf(codes: string[]): string {
  const { family, others } = familyIn(codes);
  const names = family !== null && others.length > 0 ? [...others, `${family[0]}Problem`] : codes;
  return names.map((name) => `\`${name}\``).join(', ');
}

function familyIn(codes: string[]) {
  const family = FAMILIES.find(([, members]) => members.every((code) => codes.includes(code))) ?? null;
  return { family, others: codes.filter((code) => !family?.[1].includes(code)) };
}

function pascal(code: string): string {
  return code.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
