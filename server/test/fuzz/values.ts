import type { Random } from './random.ts';

const RAW = Symbol('raw JSON');

/** Text that goes into JSON as it is, where no JavaScript value would be written so. */
export interface RawJson {
  [RAW]: string;
}

const raw = (text: string): RawJson => ({ [RAW]: text });

/** JSON of a value that may hold `RawJson`. */
export function writeJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (RAW in value) return String(value[RAW]);
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`;
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${writeJson(member)}`);
  return `{${members.join(',')}}`;
}

type Maker = (mark: string, random: Random) => string;

/** Texts that have broken servers; each holds the mark, unless its point lies in its exact form. */
const TEXTS: readonly [Maker, ...Maker[]] = [
  (mark) => mark,
  () => '',
  () => ' ',
  (mark) => ` ${mark}\t`,
  (mark) => `${mark}\0`,
  (mark) => `\u0001\u001b[31m${mark}\u007f\u0085`,
  (mark) => `${mark}\r\nX-Evil: ${mark}\r\n\r\n<p>`,
  (mark) => `${mark}\ud800`,
  (mark) => `\udc00\ud800${mark}`,
  (mark) => `\ufeff${mark}\ufffe\uffff`,
  (mark) => `\u202e${mark}\u2066\u200b\u00ad`,
  (mark) => `${mark}${'\u0301'.repeat(60)}`,
  () => '\ufdfa'.repeat(60),
  (mark) => `ﬀ①Ⅷℌ${mark}`,
  (mark) => `${mark}İıſßẞ`,
  () => '👩‍👩‍👧‍👦'.repeat(12),
  () => '١٢٣٤٥٦',
  (mark) => `' OR 1=1 -- ${mark}`,
  (mark) => `${mark}'; DROP TABLE users; --`,
  (mark) => `"${mark}\\" || 1==1 //`,
  () => '1; SELECT pg_sleep(9)',
  (mark) => `%' ESCAPE '\\${mark}_%`,
  (mark) => `{"$gt":"${mark}"}`,
  () => '$where: sleep(9000)',
  (mark) => `\${7*7}{{7*7}}<%= 7*7 %>#{7*7}${mark}`,
  (mark) => `<script>alert("${mark}")</script>`,
  (mark) => `../../../../etc/passwd${mark}`,
  () => '..%2f..%2f%00',
  () => '%zz%c0%af',
  () => '__proto__',
  () => 'constructor',
  () => 'hasOwnProperty',
  () => 'toString',
  () => 'null',
  () => 'true',
  () => 'NaN',
  () => '1e999',
  () => '-0',
  () => '0x10',
  () => '00000000-0000-0000-0000-000000000000',
  () => '00000000-0000-7000-8000-000000000000',
  () => 'FFFFFFFF-FFFF-7FFF-BFFF-FFFFFFFFFFFF',
  () => '000000',
  () => '9999-99-99T99:99:99Z',
  (mark) => `${mark}@example.com`,
  (mark) => `${mark}@EXAMPLE.com.`,
  (mark) => `${mark}@bücher.example`,
  (mark) => `"${mark} x"@example.com`,
  (mark) => `${mark}@[127.0.0.1]`,
  (mark) => `${mark}@a@b`,
  (mark) => `${mark}@xn--${'a'.repeat(80)}.com`,
  (mark) => `${mark}@example。com`,
  (mark) => `${mark}@example.com\nbcc: ${mark}@example.org`,
  () => '@',
  (mark) => `http://${mark}${'a.'.repeat(80)}`,
  () => `${'-'.repeat(34)}!`,
  (mark) => `+${'1'.repeat(15)}${mark}`,
  (mark, random) => mark + random.text(1 + random.int(70)),
  (mark, random) => mark + 'é'.repeat(random.int(400)),
  (mark, random) => mark + 'x'.repeat(random.pick([250, 510, 1023, 4096, 16_384, 20_000])),
];

/** A hostile text. */
export function hostileText(mark: string, random: Random): string {
  return random.pick(TEXTS)(mark, random);
}

const NOT_TEXTS: readonly [(mark: string) => unknown, ...((mark: string) => unknown)[]] = [
  () => null,
  () => true,
  () => false,
  () => 0,
  () => -1,
  () => 1.5,
  () => 123456,
  () => raw('-0'),
  () => raw('1e999'),
  () => raw('-1e-999'),
  () => raw('9007199254740993'),
  () => raw('1'.repeat(400)),
  () => ({}),
  () => [],
  (mark) => [mark],
  (mark) => [[mark]],
  (mark) => [mark, mark],
  (mark) => ({ $gt: '', $comment: mark }),
  () => ({ $ne: null }),
  () => ({ $regex: '.*' }),
  (mark) => ({ $where: `"${mark}" || sleep(9000)` }),
  (mark) => ({ length: 1, 0: mark }),
  (mark) => ({ toString: mark, valueOf: mark, toJSON: mark }),
  (mark) => ({ constructor: { prototype: { [mark]: true } } }),
  (mark) => raw(`{"__proto__":{"admin":"${mark}"}}`),
  (mark) => ({ [mark]: mark }),
  () => raw('['.repeat(200) + ']'.repeat(200)),
  () => raw(`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`),
  () => raw('['.repeat(20_000) + ']'.repeat(20_000)),
  () => ({ type: 'Buffer', data: [1, 2, 3] }),
  () => ({ $date: '2026-11-20T00:00:00Z' }),
];

/** Anything but a text: what a server that coerces would take for one. */
export function notText(mark: string, random: Random): unknown {
  return random.pick(NOT_TEXTS)(mark);
}

/** Names of fields that no body has; some mean something to JavaScript, to a database, or to a careless record. */
export function strangeName(mark: string, random: Random): string {
  return random.pick([
    mark,
    '',
    'roles',
    'roleIds',
    'status',
    'id',
    'isAdmin',
    'emailVerified',
    'passwordHash',
    '$set',
    '$where',
  ]);
}

/** Members that are written into an object's text, since `JSON.stringify` would not write them. */
export function strangeMember(mark: string, random: Random): string {
  return random.pick([
    `"__proto__":{"roles":["superadmin"],"x":"${mark}"}`,
    `"\\u005f_proto__":{"x":"${mark}"}`,
    `"constructor":{"prototype":{"x":"${mark}"}}`,
    `"prototype":{"x":"${mark}"}`,
    `"password":"${mark}","password":["${mark}"]`,
    `"email":"${mark}@example.com","email":{"$ne":null}`,
  ]);
}
