import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ImportFailed } from '../imported-person.ts';
import { csvRecords } from './csv.ts';
import { type FileRow, openRowFile } from './file-rows.ts';
import { jsonElements } from './json-elements.ts';

/** The same text in pieces of each size, so that every boundary falls between two of them somewhere. */
const PIECES = [1, 2, 3, 7, 64, 100_000];

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

async function rowsOf(name: string, content: string | Buffer, people?: string): Promise<FileRow[]> {
  const dir = await mkdtemp(join(tmpdir(), 'ostiary-rows-'));
  try {
    const path = join(dir, name);
    await writeFile(path, content);
    const file = await openRowFile(path, people);
    const rows = await collect(file.rows());
    assert.equal(file.progress(), 1);
    return rows;
  } finally {
    await rm(dir, { recursive: true });
  }
}

test('CSV: quotes, separators and line breaks in cells, empty lines, no line break at the end', async () => {
  const text = 'a,b\r\n"x, ""y""","two\nlines"\r\n\r\n,\r\nlast,"é😀"';
  const expected = [
    { line: 1, cells: ['a', 'b'] },
    { line: 2, cells: ['x, "y"', 'two\nlines'] },
    { line: 5, cells: ['', ''] },
    { line: 6, cells: ['last', 'é😀'] },
  ];
  for (const size of PIECES) {
    const records = await collect(csvRecords(pieces(text, size), ','));
    assert.deepEqual(
      records.map((record) => ('cells' in record ? record.cells : record)),
      expected.map(({ cells }) => cells),
      `in pieces of ${size}`,
    );
  }
});

test('CSV: a quote that is not closed is a fault, and does not take the memory of the whole file', async () => {
  assert.deepEqual(await collect(csvRecords(pieces('a\n"b,c\nd', 3), ',')), [
    { line: 1, cells: ['a'] },
    { line: 2, fault: 'a quote is not closed' },
  ]);
  async function* endless(): AsyncGenerator<string> {
    yield 'a\n"';
    for (;;) yield 'x'.repeat(10_000);
  }
  const records = await collect(csvRecords(endless(), ','));
  assert.deepEqual(records.at(-1), { line: 2, fault: 'a quote is not closed' });
});

test('JSON: the objects of a list, at the top or in a property, however it is cut', async () => {
  const people = [{ id: 1, name: 'a "]}" \\' }, { id: 2, deep: { users: [{ no: 1 }], list: [[{}]] } }, { id: '😀' }];
  const other = { users: 'no list', groups: [{ users: [{ id: 'no' }] }], realm: '"users": [{' };
  const texts: [string, string | null][] = [
    [JSON.stringify(people), null],
    [`\n [ ${people.map((one) => JSON.stringify(one, null, 2)).join(' ,\n')} ]\n`, null],
    [JSON.stringify({ ...other, users: people, after: [{ id: 'no' }] }, null, 1), 'users'],
    [JSON.stringify({ groups: other.groups, users: people }), 'users'],
  ];
  for (const [text, key] of texts) {
    for (const size of PIECES) {
      const elements = await collect(jsonElements(pieces(text, size), key));
      assert.deepEqual(
        elements.map((element) => JSON.parse(element ?? 'null')),
        people,
        `${text} in pieces of ${size}`,
      );
    }
  }
  assert.deepEqual(await collect(jsonElements(pieces('[{"id":1},{"id":', 4), null)), ['{"id":1}', null]);
});

test('files: CSV by whatever separator, with a byte order mark; a line with too few cells is told', async () => {
  assert.deepEqual(await rowsOf('a.csv', '\ufeffid;email\n1;a@example.com\n2\n3;c@example.com;x\n4;"d;d"\n'), [
    { number: 1, place: 'line 2', row: { id: '1', email: 'a@example.com' } },
    { number: 2, place: 'line 3', fault: '1 cells, where the first line names 2' },
    { number: 3, place: 'line 4', fault: '3 cells, where the first line names 2' },
    { number: 4, place: 'line 5', row: { id: '4', email: 'd;d' } },
  ]);
  assert.deepEqual(await rowsOf('a.tsv', 'id\temail\n1\ta@example.com'), [
    { number: 1, place: 'line 2', row: { id: '1', email: 'a@example.com' } },
  ]);
  assert.deepEqual(await rowsOf('empty.csv', ''), []);
});

test('files: JSON in lines goes on after a broken one; a list tells the broken element; a dump of Keycloak and Firebase', async () => {
  assert.deepEqual(await rowsOf('a.ndjson', '{"id":1}\n{"id":\n\n[1]\n{"id":3}'), [
    { number: 1, place: 'line 1', row: { id: 1 } },
    { number: 2, place: 'line 2', fault: 'no JSON object' },
    { number: 3, place: 'line 4', fault: 'no JSON object' },
    { number: 4, place: 'line 5', row: { id: 3 } },
  ]);
  assert.deepEqual(await rowsOf('a.json', '[{"id":1},{"id":oops},{"id":3}]'), [
    { number: 1, place: 'person 1', row: { id: 1 } },
    { number: 2, place: 'person 2', fault: 'no JSON object' },
    { number: 3, place: 'person 3', row: { id: 3 } },
  ]);
  const dump = { realm: 'shop', users: [{ id: 'u1' }, { id: 'u2' }] };
  for (const text of [JSON.stringify(dump), JSON.stringify(dump, null, 2)]) {
    const rows = await rowsOf('realm.json', text, 'users');
    // A dump on one line looks like a line of JSON.
    assert.deepEqual(
      rows.map((row) => ('row' in row ? row.row.id : null)),
      ['u1', 'u2'],
    );
  }
});

test('files: more people than fit one read, and letters of several bytes at every boundary', async () => {
  const people = Array.from({ length: 3000 }, (_, i) => ({ id: i, name: `${'x'.repeat(i % 97)}é😀李`.repeat(2) }));
  for (const text of [JSON.stringify(people), people.map((one) => JSON.stringify(one)).join('\n')]) {
    const rows = await rowsOf('many.json', text);
    assert.deepEqual(
      rows.map((row) => ('row' in row ? row.row : null)),
      people,
    );
  }
});

test('files: one that is missing is told with its name', async () => {
  await assert.rejects(openRowFile('/nowhere/at-all.csv', undefined), (error) => {
    return error instanceof ImportFailed && /at-all\.csv cannot be read \(ENOENT\)/.test(error.message);
  });
});
