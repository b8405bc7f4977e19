import { type Input, makeInput, type World } from './inputs.ts';
import { createRandom, type Random } from './random.ts';
import { strangeTarget } from './targets.ts';

/** Bytes for a socket. */
export interface RawMessage {
  index: number;
  about: string;
  bytes: Buffer;
  /** Method of the only request in it; null where there may be several. */
  method: string | null;
  mustFail: string | null;
}

type Parts = { line: string; fields: string[]; body: Buffer };
type Wrong = [reason: string, spoil: (parts: Parts, mark: string) => string | Buffer];

const CRLF = '\r\n';
const joined = ({ line, fields, body }: Parts, end: string = CRLF) =>
  Buffer.concat([Buffer.from([line, ...fields, '', ''].join(end), 'latin1'), body]);
const withFields = (parts: Parts, ...more: string[]) => joined({ ...parts, fields: [...parts.fields, ...more] });
const withBody = (parts: Parts, fields: string[], body: string) =>
  joined({ ...parts, fields: [...parts.fields, ...fields], body: Buffer.from(body, 'latin1') });

const SMUGGLED = 'GET /api/v1/users/me HTTP/1.1\r\nHost: x\r\n\r\n';
const POST = 'POST /api/v1/auth/logout HTTP/1.1';
const HOST = 'Host: localhost';
const TYPE = 'Content-Type: application/json';

/** Messages that no lenient reading may let through: where two readers disagree, a request can be smuggled (RFC 9112, 11.2). */
const REFUSED: readonly [Wrong, ...Wrong[]] = [
  [
    'two ways to tell its length',
    (p) => withBody(p, ['Content-Length: 4', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`),
  ],
  ['two lengths', (p) => withBody(p, ['Content-Length: 4', 'Content-Length: 5'], 'abcde')],
  ['a length that is no number', (p) => withBody(p, ['Content-Length: 4, 5'], 'abcde')],
  ['a signed length', (p) => withBody(p, ['Content-Length: +4'], 'abcd')],
  ['a negative length', (p) => withBody(p, ['Content-Length: -4'], 'abcd')],
  ['a hexadecimal length', (p) => withBody(p, ['Content-Length: 0x4'], 'abcd')],
  ['a length beyond all numbers', (p) => withBody(p, ['Content-Length: 99999999999999999999999'], 'abcd')],
  [
    'a chunk size that is no number',
    (p) => withBody({ ...p, line: POST }, [TYPE, 'Transfer-Encoding: chunked'], `zz\r\n\r\n${SMUGGLED}`),
  ],
  [
    'a chunk size beyond all numbers',
    (p) => withBody({ ...p, line: POST }, [TYPE, 'Transfer-Encoding: chunked'], `${'f'.repeat(20)}\r\nab`),
  ],
  [
    'a chunk longer than it says',
    (p) => withBody({ ...p, line: POST }, [TYPE, 'Transfer-Encoding: chunked'], `1\r\nabcdef\r\n0\r\n\r\n`),
  ],
  [
    'chunk extensions without end',
    (p) =>
      withBody({ ...p, line: POST }, [TYPE, 'Transfer-Encoding: chunked'], `1;${'x'.repeat(20_000)}\r\na\r\n0\r\n\r\n`),
  ],
  [
    'an encoding that is not chunked at its end',
    (p) => withBody(p, ['Transfer-Encoding: chunked, identity'], '0\r\n\r\n'),
  ],
  ['a blank before a colon', (p, mark) => withFields(p, `X-Evil : ${mark}`)],
  ['a folded field', (p, mark) => withFields(p, 'X-Evil: a', ` ${mark}: b`)],
  ['a field without a colon', (p, mark) => withFields(p, mark)],
  ['a field without a name', (p, mark) => withFields(p, `: ${mark}`)],
  ['a field name with a blank', (p, mark) => withFields(p, `X Evil: ${mark}`)],
  ['a field name beyond ASCII', (p, mark) => withFields(p, `X-\u00e9: ${mark}`)],
  ['a NUL in a field', (p, mark) => withFields(p, `X-Evil: a\0${mark}`)],
  ['a NUL in a field name', (p, mark) => withFields(p, `X-\0Evil: ${mark}`)],
  ['a bare CR in a field', (p, mark) => withFields(p, `X-Evil: a\r${mark}: b`)],
  ['no host', (p) => joined({ ...p, fields: p.fields.filter((field) => !/^host:/i.test(field)) })],
  ['two hosts', (p, mark) => withFields(p, `Host: ${mark}`)],
  ['two content types', (p) => withFields(p, 'Content-Type: text/plain', 'Content-Type: application/json')],
  ['a version of its own', (p) => joined({ ...p, line: p.line.replace('1.1', '9.9') })],
  ['another protocol', (p) => joined({ ...p, line: p.line.replace('HTTP', 'HTCPCP') })],
  ['a method in lower case', (p) => joined({ ...p, line: p.line.toLowerCase().replace('http', 'HTTP') })],
  ['a method of its own', (p, mark) => joined({ ...p, line: `${mark} / HTTP/1.1` })],
  ['no target', (p) => joined({ ...p, line: 'GET  HTTP/1.1' })],
  ['a target with a blank', (p, mark) => joined({ ...p, line: `GET /a ${mark} HTTP/1.1` })],
  ['a target with a NUL', (p, mark) => joined({ ...p, line: `GET /\0${mark} HTTP/1.1` })],
  ['bytes that are no HTTP', (_p, mark) => `${mark}\r\n\r\n`],
  ['a TLS hello', () => Buffer.from('16030100a5010000a10303', 'hex')],
  ['the preface of HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  [
    'fields beyond the limit',
    (p, mark) => withFields(p, ...Array.from({ length: 400 }, (_, i) => `X-${i}: ${mark}${'x'.repeat(60)}`)),
  ],
  ['a field beyond the limit', (p, mark) => withFields(p, `X-Evil: ${mark}${'x'.repeat(70_000)}`)],
  ['a target beyond the limit', (p) => joined({ ...p, line: `GET /${'x'.repeat(9_000)} HTTP/1.1` })],
  ['a request line without end', () => `GET /${'x'.repeat(100_000)}`],
];

/** Messages of which it is not said how they end, only that they do, and decently. */
const ODD: readonly [Wrong, ...Wrong[]] = [
  ['bare line feeds', (p) => joined(p, '\n')],
  ['an old version', (p) => joined({ ...p, line: p.line.replace('1.1', '1.0') })],
  ['no version', (p) => joined({ ...p, line: p.line.replace(/ HTTP.*/, '') })],
  ['empty lines first', (p) => Buffer.concat([Buffer.from(CRLF.repeat(5)), joined(p)])],
  ['two requests at once', (p) => Buffer.concat([joined({ ...p, fields: [HOST] }), joined(p)])],
  [
    'many requests at once',
    (p) =>
      Buffer.concat([
        ...Array.from({ length: 40 }, () => Buffer.from(`GET /health HTTP/1.1\r\n${HOST}\r\n\r\n`)),
        joined(p),
      ]),
  ],
  ['an expectation', (p) => withFields(p, 'Expect: 100-continue', 'Content-Length: 0')],
  ['a strange expectation', (p, mark) => withFields(p, `Expect: ${mark}`)],
  [
    'an upgrade',
    (p) =>
      withFields(
        p,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Key: AAAA',
        'Sec-WebSocket-Version: 13',
      ),
  ],
  [
    'an upgrade to HTTP/2',
    (p) => withFields(p, 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAAA'),
  ],
  ['a CONNECT', (_p, mark) => `CONNECT ${mark}:443 HTTP/1.1\r\n${HOST}\r\n\r\n`],
  [
    'a chunked body',
    (p) => withBody({ ...p, line: POST }, [TYPE, 'Transfer-Encoding: chunked'], '2\r\n{}\r\n0\r\n\r\n'),
  ],
  [
    'a chunked body beyond the limit',
    (p) =>
      withBody(
        { ...p, line: POST },
        [TYPE, 'Transfer-Encoding: chunked'],
        `${'10000\r\n'.padEnd(65_543, 'x')}\r\n`.repeat(5),
      ),
  ],
  [
    'trailers',
    (p, mark) =>
      withBody(
        { ...p, line: POST },
        [TYPE, 'Transfer-Encoding: chunked', 'Trailer: Host'],
        `2\r\n{}\r\n0\r\nHost: ${mark}\r\nAuthorization: Bearer ${mark}\r\n\r\n`,
      ),
  ],
  ['a body longer than it says', (p) => withBody({ ...p, line: POST }, [TYPE, 'Content-Length: 2'], '{}garbage')],
  ['2,500 fields', (p) => withFields(p, ...Array.from({ length: 2_500 }, () => 'a: b'))],
];

/** Messages that stop in the middle: the server must end them by its time-outs. Each takes a second or two. */
const UNFINISHED: readonly [Wrong, ...Wrong[]] = [
  [
    'a body shorter than it says',
    (p) => withBody({ ...p, line: POST }, [TYPE, 'Content-Length: 99'], '{"refreshToken":'),
  ],
  [
    'a chunked body without end',
    (p) => withBody({ ...p, line: POST }, [TYPE, 'Transfer-Encoding: chunked'], '2\r\n{}\r\n'),
  ],
  ['header fields without end', (p, mark) => [p.line, ...p.fields, `X-Evil: ${mark}`].join(CRLF)],
  ['a request line alone', (p) => p.line],
];

/** The message with this index; the same for one seed and one world. */
export function makeRaw(seed: number, index: number, world: World): RawMessage {
  const random = createRandom(~seed, index);
  const input = makeInput(~seed, index, world);
  const kind = random.int(100);
  if (kind < 45) return { ...fromInput(input, random), index };
  const [list, fails] = kind < 75 ? [REFUSED, true] : kind < 96 ? [ODD, false] : [UNFINISHED, false];
  const [about, spoil] = random.pick(list as typeof REFUSED);
  const url = random.chance(0.5) ? input.url : '/health';
  const parts = { line: `GET ${url} HTTP/1.1`, fields: [HOST, 'Connection: close'], body: Buffer.alloc(0) };
  const bytes = Buffer.from(spoil(parts, input.marks.mark) as string, 'latin1');
  return { index, about, bytes, method: null, mustFail: fails ? about : null };
}

/** An input as a message; half of them with a target that only a socket can send. */
function fromInput(input: Input, random: Random): Omit<RawMessage, 'index'> {
  const { method, url, headers, body, marks } = input;
  const moved = random.chance(0.6);
  const target = moved ? strangeTarget(url.split('?', 1)[0] ?? '/', marks.mark, random) : url;
  const length = body === null ? {} : { 'content-length': String(body.length) };
  const all = { host: 'localhost', connection: 'close', ...length, ...headers };
  const fields = Object.entries(all).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}`));
  const bytes = joined({ line: `${method} ${target} HTTP/1.1`, fields, body: body ?? Buffer.alloc(0) });
  const mustFail = moved || input.mustFail !== 'no genuine token' ? null : input.mustFail;
  return { about: `${input.route}, its target ${moved ? 'twisted' : 'as it is'}`, bytes, method, mustFail };
}
