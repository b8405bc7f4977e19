import { createHash } from 'node:crypto';
import { type ImportedPerson, ImportFailed, type Position, type Source, type SourceRow } from '../imported-person.ts';
import { openDocuments } from './document-rows.ts';
import { openRowFile } from './file-rows.ts';
import type { Format, FormatName } from './formats.ts';
import { openHashFile } from './hash-file.ts';
import { hashReaderOf } from './hash-of.ts';
import type { Mapping } from './mapping.ts';
import { type Linked, personOf, type Row, textOf } from './person-of.ts';
import { openTables, type Tables } from './table-rows.ts';

const PAGE = 1000;

/**
 * Opens where people are to be imported from: a database by its URL, or a file: `await openSource('users.csv', { name: 'plain', format, mapping })`.
 * `hashes`: a file with the password hashes of those who have none there. Throws `ImportFailed`, `DatabaseUnreachable`.
 */
export async function openSource(
  place: string,
  options: { name: FormatName; format: Format; mapping: Mapping; hashes?: string | null },
): Promise<Source> {
  const { name, format, mapping } = options;
  const readRow = rowReader(name, mapping);
  const hashes = options.hashes ? await openHashFile(options.hashes, { people: format.people, read: readRow }) : null;
  const read: Read = (row, linked) => {
    const person = readRow(row, linked);
    return person && hashes ? { ...person, passwordHash: person.passwordHash ?? hashes.of(person.id) } : person;
  };
  try {
    const source = await openPlace(place, { format, mapping, read });
    return {
      ...source,
      async close() {
        hashes?.close();
        await source.close();
      },
    };
  } catch (error) {
    hashes?.close();
    throw error;
  }
}

function rowReader(name: FormatName, mapping: Mapping): Read {
  const hashOf = hashReaderOf(name, mapping);
  return (row, linked = {}) => {
    const passwordHash = linked.passwordHash ?? hashOf(row);
    const person = personOf(row, mapping, { ...linked, ...(passwordHash !== undefined && { passwordHash }) });
    // Both exports of Auth0 then lead to the same person.
    return person && name === 'auth0' && row.user_id === undefined ? { ...person, id: `auth0|${person.id}` } : person;
  };
}

function openPlace(
  place: string,
  { format, mapping, read }: { format: Format; mapping: Mapping; read: Read },
): Promise<Source> {
  if (/^mongodb(\+srv)?:/.test(place)) return documentSource(place, mapping, read);
  if (/^(postgres(ql)?|mysql|mariadb|sqlite):/.test(place)) return tableSource(place, mapping, read);
  return fileSource(place, format.people, read);
}

type Read = (row: Row, linked?: Linked) => ImportedPerson | null;

/** What a row is; a person without an id cannot be told from others when an import goes on. */
function sourceRow(position: Position, place: string, row: Row, read: Read, linked?: Linked): SourceRow {
  try {
    const person = read(row, linked);
    return person ? { position, place, person } : { position, place, fault: 'it has no id' };
  } catch (error) {
    if (error instanceof ImportFailed) throw error;
    return { position, place, fault: 'what it contains cannot be read' };
  }
}

async function fileSource(path: string, people: string | undefined, read: Read): Promise<Source> {
  const file = await openRowFile(path, people);
  return {
    fingerprint: file.fingerprint,
    progress: file.progress,
    async *rows(after) {
      for await (const one of file.rows()) {
        if (after !== null && one.number <= Number(after)) continue;
        const { number: position, place } = one;
        yield 'fault' in one ? { position, place, fault: one.fault } : sourceRow(position, place, one.row, read);
      }
    },
    async close() {},
  };
}

/** Finds the table and its id. Throws `ImportFailed`. */
async function findTable(tables: Tables, mapping: Mapping): Promise<{ table: string; column: string }> {
  const table = await tables.existing([mapping.table ?? 'users'].flat());
  const columns = await tables.columns(table);
  const names = [mapping.id ?? 'id'].flat().filter((one) => typeof one === 'string');
  const column = names.find((one) => columns.includes(one)) ?? names[0] ?? 'id';
  // An empty table does not tell its columns.
  if (columns.length > 0 && !columns.includes(column))
    throw new ImportFailed(`The table ${table} has no column ${names.join(' or ')}: name its id in the mapping.`);
  return { table, column };
}

async function tableSource(url: string, mapping: Mapping, read: Read): Promise<Source> {
  const tables = await openTables(url);
  const { table, column } = await findTable(tables, mapping).catch(async (error) => {
    await tables.close();
    throw error;
  });
  let done = 0;
  let total: number | null = null;

  async function* pages(after: Position | null): AsyncGenerator<Row[]> {
    for (let last: unknown = idAt(after); ; ) {
      const rows = await tables.page(table, column, last, PAGE);
      if (rows.length === 0) return;
      yield rows;
      last = rows.at(-1)?.[column];
    }
  }

  return {
    fingerprint: fingerprintOf(url, table),
    progress: () => (total === null ? null : total === 0 ? 1 : Math.min(1, done / total)),
    close: tables.close,
    async *rows(after) {
      // Of a table so large that counting it takes too long, the progress is unknown.
      total = await tables.count(table, column, idAt(after)).catch(() => null);
      const { roles, passwordHash } = mapping.links ?? {};
      for await (const rows of pages(after)) {
        const ids = rows.map((row) => row[column]);
        const roleLinks = roles && (await tables.linked(roles, ids));
        const hashLinks = passwordHash && (await tables.linked(passwordHash, ids));
        for (const row of rows) {
          const key = textOf(row[column]) ?? '';
          const linked: Linked = {
            ...(roleLinks && { roles: roleLinks.get(key) ?? [] }),
            ...(hashLinks && { passwordHash: hashLinks.get(key)?.[0] ?? null }),
          };
          done += 1;
          yield sourceRow(positionOf(row[column]), `id ${textOf(row[column])}`, row, read, linked);
        }
      }
    },
  };
}

async function documentSource(url: string, mapping: Mapping, read: Read): Promise<Source> {
  const names = [mapping.table ?? 'users'].flat();
  const documents = await openDocuments(url, names);
  let done = 0;
  return {
    fingerprint: fingerprintOf(url, names.join()),
    progress: () => (documents.total === 0 ? 1 : Math.min(1, done / documents.total)),
    close: documents.close,
    async *rows(after) {
      for await (const { position, row } of documents.rows(after === null ? null : String(after))) {
        done += 1;
        yield sourceRow(position, `_id ${textOf(row._id)}`, row, read);
      }
    },
  };
}

/** Not of the password, which may change while an import waits to go on. */
function fingerprintOf(url: string, table: string): string {
  const without = url.replace(/\/\/[^@/]*@/, '//');
  return createHash('sha256').update(`${without} ${table}`).digest('base64url');
}

/** An id as JSON holds it; some tables have UUIDs as bytes. */
function positionOf(id: unknown): Position {
  if (typeof id === 'number') return id;
  return id instanceof Uint8Array ? `${BYTES}${Buffer.from(id).toString('hex')}` : (textOf(id) ?? '');
}

function idAt(position: Position | null): unknown {
  if (typeof position !== 'string' || !position.startsWith(BYTES)) return position;
  return Buffer.from(position.slice(BYTES.length), 'hex');
}

const BYTES = '\\x';
