import { DatabaseSync } from 'node:sqlite';
import type { ImportedPerson } from '../imported-person.ts';
import { openRowFile } from './file-rows.ts';
import type { Row } from './person-of.ts';

/** Password hashes that a source keeps in a file of their own. */
export interface HashFile {
  /** The hash of a person; null: the file has none. */
  of(id: string): string | null;
  close(): void;
}

const BATCH = 1000;

/**
 * Reads a file of password hashes by id into a temporary database that SQLite moves to disk as it grows: `await openHashFile('hashes.ndjson',
 * { people, read })`. Throws `ImportFailed`.
 */
export async function openHashFile(
  path: string,
  { people, read }: { people: string | undefined; read: (row: Row) => ImportedPerson | null },
): Promise<HashFile> {
  const file = await openRowFile(path, people);
  const hashes = new DatabaseSync('');
  try {
    hashes.exec(`pragma journal_mode = off; pragma synchronous = off;
      create table hashes (id text primary key, hash text not null) without rowid`);
    const insert = hashes.prepare('insert or replace into hashes (id, hash) values (?, ?)');
    let inserted = 0;
    hashes.exec('begin');
    for await (const row of file.rows()) {
      const person = 'row' in row ? read(row.row) : null;
      if (person?.passwordHash == null) continue;
      insert.run(person.id, person.passwordHash);
      inserted += 1;
      if (inserted % BATCH === 0) hashes.exec('commit; begin');
    }
    hashes.exec('commit');
  } catch (error) {
    hashes.close();
    throw error;
  }
  const find = hashes.prepare('select hash from hashes where id = ?');
  return {
    of: (id) => (find.get(id) as { hash: string } | undefined)?.hash ?? null,
    close: () => hashes.close(),
  };
}
