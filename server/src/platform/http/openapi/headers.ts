import { refTo } from './components.ts';
import type { Json } from './document.ts';

const text = (description: string, example: string): Json => ({ description, schema: { type: 'string' }, example });
const number = (description: string, example: number): Json => ({ description, schema: { type: 'integer' }, example });

/** The header fields of answers, by the names under which the document refers to them. */
export const headerComponents = {
  'X-Request-Id': text(
    'Names this request in the log; yours, where you sent a good one.',
    '6f0d2b6e-57a1-4c5e-9d6e-0c7a4a3d2b10',
  ),
  'RateLimit-Policy': text(
    'How many requests (`q`) a client may make in how many seconds (`w`); draft-ietf-httpapi-ratelimit-headers.',
    '"default";q=100;w=60',
  ),
  RateLimit: text(
    'How many of them are left (`r`), and for how many seconds (`t`). `X-RateLimit-Limit`, `-Remaining` and `-Reset` stand beside it.',
    '"default";r=99;t=60',
  ),
  'X-RateLimit-Limit': number('As `q` of `RateLimit-Policy`.', 100),
  'X-RateLimit-Remaining': number('As `r` of `RateLimit`.', 99),
  'X-RateLimit-Reset': number('When all of them may be made again: seconds since 1970.', 1_795_176_060),
  'Retry-After': number('Seconds to wait.', 5),
  'WWW-Authenticate': text(
    'How to authenticate (RFC 6750, RFC 9470).',
    'Bearer error="insufficient_user_authentication", max_age="600"',
  ),
  ETag: text('The `version` of the record, for `If-Match`.', '"3"'),
  Location: text('Where it is.', 'https://files.example.com/…'),
  'Cache-Control': text('How long the answer may be kept.', 'public, max-age=300'),
  'Set-Cookie': text(
    'With `tokenTransport: "cookie"`: the refresh token, out of reach of scripts. Beside it, in a cookie of its own, what makes the device known.',
    '__Host-ostiary=…; Path=/; HttpOnly; Secure; SameSite=Strict',
  ),
} satisfies Record<string, Json>;

/** A header field that answers may have. */
export type AnswerHeader = keyof typeof headerComponents;

/** Of every answer to a request that was counted. */
export const LIMIT_HEADERS: readonly AnswerHeader[] = ['RateLimit-Policy', 'RateLimit'];
/** The same in the older way, which every such answer has, too; written out only where a client has come to its limit. */
export const OLDER_LIMIT_HEADERS: readonly AnswerHeader[] = [
  ...(['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'] as const),
];

/** References to the fields of an answer: the one that every answer has, and `more`. */
export function answerHeaders(more: readonly AnswerHeader[]): Json {
  const names: AnswerHeader[] = ['X-Request-Id', ...more];
  return Object.fromEntries(names.map((name) => [name, refTo('headers', name)]));
}
