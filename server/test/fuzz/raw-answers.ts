import type { FuzzAnswer } from './invariants.ts';

/**
 * Reads the answers (RFC 9112) that came over a connection, interim ones left out; null while the last one is not whole. `method` is that of
 * the first request, and of no account for those after it.
 */
export function readAnswers(bytes: Buffer, method: string | null, closed: boolean): FuzzAnswer[] | null {
  const answers: FuzzAnswer[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd < 0) return null;
    const { status, headers } = readHead(rest.toString('latin1', 0, headEnd));
    rest = rest.subarray(headEnd + 4);
    if (status < 200) continue;
    const toHead = method === 'HEAD' && answers.length === 0 && !isUnread(status, rest);
    const bodiless = status === 204 || status === 304 || toHead;
    const body = bodiless ? { text: '', length: 0 } : readBody(rest, headers, closed);
    if (body === null) return null;
    answers.push({ status, headers, body: body.text });
    rest = rest.subarray(body.length);
  }
  return answers;
}

/** The method of a message that could not be read is not known either, so that an error about one has its body, also for HEAD. */
function isUnread(status: number, rest: Buffer): boolean {
  return UNREAD.has(status) && rest[0] === '{'.charCodeAt(0);
}

const UNREAD = new Set([400, 408, 413, 431]);

function readHead(text: string): { status: number; headers: Record<string, string> } {
  const [line = '', ...fields] = text.split('\r\n');
  const status = /^HTTP\/1\.1 ([1-5]\d\d) /.exec(line)?.[1];
  if (status === undefined) throw new Error(`This begins no answer: ${line.slice(0, 200)}`);
  const pairs = fields.map((field): [string, string] => {
    const colon = field.indexOf(':');
    if (colon < 1) throw new Error(`This is no header field: ${field.slice(0, 200)}`);
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
  });
  return { status: Number(status), headers: Object.fromEntries(pairs) };
}

function readBody(
  rest: Buffer,
  headers: Record<string, string>,
  closed: boolean,
): { text: string; length: number } | null {
  if (headers['transfer-encoding'] === 'chunked') return readChunks(rest);
  const length = headers['content-length'] === undefined ? null : Number(headers['content-length']);
  if (length === null) return closed ? { text: rest.toString(), length: rest.length } : null;
  return rest.length < length ? null : { text: rest.toString('utf8', 0, length), length };
}

function readChunks(rest: Buffer): { text: string; length: number } | null {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = rest.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(rest.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (rest.length < end) return null;
    if (size === 0) return { text: Buffer.concat(chunks).toString(), length: end };
    chunks.push(rest.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}
