import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import { ImportFailed } from '../imported-person.ts';
import { csvRecords } from './csv.ts';
import { jsonElements } from './json-elements.ts';
import type { Row } from './person-of.ts';

/** A row of a file, numbered from 1 in its order. */
export type FileRow = { number: number; place: string } & ({ row: Row } | { fault: string });

export interface RowFile {
  /** Of its size and its beginning. */
  fingerprint: string;
  rows(): AsyncIterable<FileRow>;
  /** The part that was read. */
  progress(): number;
}

const HEAD = 65_536;
const LINE_LIMIT = 1_000_000;

/** Opens a file of people: CSV, JSON, or JSON in lines. `people` is the property with the list, where a JSON file is one object. Throws `ImportFailed`. */
export async function openRowFile(path: string, people: string | undefined): Promise<RowFile> {
  const { head, size } = await readHead(path);
  const text = head.toString('utf8').replace(/^\ufeff/, '');
  let read = 0;
  async function* chunks(): AsyncGenerator<string> {
    read = 0;
    const stream = createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 });
    let isFirst = true;
    for await (const chunk of stream as AsyncIterable<string>) {
      read = stream.bytesRead;
      yield isFirst ? chunk.replace(/^\ufeff/, '') : chunk;
      isFirst = false;
    }
  }
  const kind = kindOf(path, text, people);
  return {
    fingerprint: createHash('sha256').update(`${size} `).update(head).digest('base64url'),
    rows: () => {
      if (kind === 'csv') return csvRows(chunks());
      return kind === 'lines'
        ? lineRows(chunks())
        : elementRows(chunks(), text.trimStart().startsWith('[') ? null : (people ?? null));
    },
    progress: () => (size === 0 ? 1 : Math.min(1, read / size)),
  };
}

async function readHead(path: string): Promise<{ head: Buffer; size: number }> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0);
    return { head: buffer.subarray(0, bytesRead), size };
  } catch (error) {
    throw new ImportFailed(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`);
  }
}

/** By what the file begins with; its ending only tells CSV. */
function kindOf(path: string, text: string, people: string | undefined): 'csv' | 'lines' | 'elements' {
  const begins = text.trimStart();
  if (extname(path).toLowerCase() === '.csv' || !/^[[{]/.test(begins)) return 'csv';
  if (begins.startsWith('[')) return 'elements';
  if (people === undefined) return 'lines';
  // A whole object in the first line is one person, unless it holds the list of all.
  const [first = ''] = begins.split('\n', 1);
  const object = parsedObject(first);
  return object === null || Array.isArray(object[people]) ? 'elements' : 'lines';
}

async function* csvRows(chunks: AsyncIterable<string>): AsyncGenerator<FileRow> {
  const { separator, all } = await separatorOf(chunks);
  let names: string[] | null = null;
  let number = 0;
  for await (const record of csvRecords(all, separator)) {
    const place = `line ${record.line}`;
    if ('fault' in record) yield { number: ++number, place, fault: record.fault };
    else if (names === null) names = record.cells.map((name) => name.trim());
    else if (record.cells.length !== names.length) {
      yield {
        number: ++number,
        place,
        fault: `${record.cells.length} cells, where the first line names ${names.length}`,
      };
    } else {
      const { cells } = record;
      yield { number: ++number, place, row: Object.fromEntries(names.map((name, i) => [name, cells[i]])) };
    }
  }
}

/** The sign that parts the names of the first line, the first chunk being long enough to have it all. */
async function separatorOf(chunks: AsyncIterable<string>): Promise<{ separator: string; all: AsyncIterable<string> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  const [line = ''] = String(first.value ?? '').split('\n', 1);
  const count = (sign: string) => line.split(sign).length;
  const separator = [',', ';', '\t'].reduce((best, sign) => (count(sign) > count(best) ? sign : best));
  async function* all(): AsyncGenerator<string> {
    if (first.done) return;
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { separator, all: all() };
}

async function* lineRows(chunks: AsyncIterable<string>): AsyncGenerator<FileRow> {
  let rest = '';
  let line = 0;
  let number = 0;
  const rowOf = (text: string): FileRow | null => {
    line += 1;
    if (text.trim() === '') return null;
    number += 1;
    const row = parsedObject(text);
    return row ? { number, place: `line ${line}`, row } : { number, place: `line ${line}`, fault: 'no JSON object' };
  };
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) {
      const row = rowOf(text);
      if (row) yield row;
    }
    if (rest.length > LINE_LIMIT) throw new ImportFailed(`Line ${line + 1} is longer than ${LINE_LIMIT} characters.`);
  }
  const last = rowOf(rest);
  if (last) yield last;
}

async function* elementRows(chunks: AsyncIterable<string>, key: string | null): AsyncGenerator<FileRow> {
  let number = 0;
  for await (const text of jsonElements(chunks, key)) {
    number += 1;
    const row = text === null ? null : parsedObject(text);
    const place = `person ${number}`;
    if (row) yield { number, place, row };
    else yield { number, place, fault: text === null ? 'the file ends before its list does' : 'no JSON object' };
  }
}

function parsedObject(text: string): Row | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Row) : null;
  } catch {
    return null;
  }
}
