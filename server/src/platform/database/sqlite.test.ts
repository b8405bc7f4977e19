import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { sql } from 'kysely';
import { connectDatabase, DatabaseUnreachable, type SqlDatabase, sqlOf } from './database.ts';

interface Tables {
  counters: { id: number; value: number };
}

const log = { warn() {} };
const open = async (url: string): Promise<SqlDatabase<Tables>> =>
  sqlOf<Tables>(await connectDatabase({ url, poolSize: 1, slowQuery: 60_000, log }));

describe('SQLite', { timeout: 60_000 }, () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'ostiary-sqlite-'));
  });
  after(() => rmSync(dir, { recursive: true }));

  async function withCounters(path: string): Promise<SqlDatabase<Tables>> {
    const database = await open(`sqlite:${path}`);
    await sql`create table if not exists counters (id integer primary key, value integer not null)`.execute(
      database.db,
    );
    return database;
  }

  /** Another process on the same file; `program` may use `db`, a plain DatabaseSync. */
  function otherProcess(path: string, program: string) {
    const start = `
      const { DatabaseSync } = await import('node:sqlite');
      const db = new DatabaseSync(process.env.DATABASE_FILE, { timeout: 5000 });
      db.exec('pragma journal_mode = wal; pragma synchronous = full');
      ${program}`;
    return spawn(process.execPath, ['--input-type=module', '--eval', start], {
      env: { ...process.env, DATABASE_FILE: path },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  }

  it('makes its folder, and files that nobody else can read', async () => {
    const path = join(dir, 'new/folder/test.sqlite');
    const database = await withCounters(path);
    for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal(statSync(file).mode & 0o777, 0o600, file);
    assert.equal(statSync(join(dir, 'new/folder')).mode & 0o777, 0o700);
    await database.close();
  });

  it('keeps what it acknowledged, and enforces references', async () => {
    const { db, close } = await withCounters(join(dir, 'pragmas.sqlite'));
    const { rows } = await sql`select
      (select journal_mode from pragma_journal_mode) as journal,
      (select synchronous from pragma_synchronous) as synchronous,
      (select foreign_keys from pragma_foreign_keys) as foreign_keys`.execute(db);
    assert.deepEqual({ ...(rows[0] as object) }, { journal: 'wal', synchronous: 2, foreign_keys: 1 });
    await close();
  });

  it('recovers after a SIGKILL in the middle of a transaction', async () => {
    const path = join(dir, 'killed.sqlite');
    await (await withCounters(path)).close();
    const child = otherProcess(
      path,
      `for (let id = 1; ; id++) {
         db.exec('begin immediate');
         db.exec('insert into counters values (' + id + ', 1)');
         db.exec('insert into counters values (' + -id + ', 1)');
         if (id === 20) { console.log('ready'); await new Promise((resolve) => setTimeout(resolve, 60_000)); }
         db.exec('commit');
       }`,
    );
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { db, close } = await withCounters(path);
    const { rows, sum } = await db
      .selectFrom('counters')
      .select([db.fn.countAll().as('rows'), db.fn.sum('id').as('sum')])
      .executeTakeFirstOrThrow();
    assert.deepEqual([rows, sum], [38, 0]);
    await close();
  });

  it('waits for a writer in another process', async () => {
    const path = join(dir, 'busy.sqlite');
    const { db, transaction, close } = await withCounters(path);
    await db.insertInto('counters').values({ id: 1, value: 0 }).execute();
    for (const write of [
      () => db.updateTable('counters').set({ value: sql`value + 1` }).execute(),
      () => transaction((trx) => trx.updateTable('counters').set({ value: sql`value + 1` }).execute()),
    ]) {
      const child = otherProcess(
        path,
        `db.exec('begin immediate; update counters set value = value + 10');
         console.log('holding');
         process.stdin.once('data', () => { db.exec('commit'); process.exit(); });`,
      );
      await once(child.stdout, 'data');
      const written = write();
      // Reached while the write pauses between two tries: it holds up neither the other process nor this one.
      await turn();
      child.stdin.write('go on');
      await written;
    }
    const { value } = await db.selectFrom('counters').select('value').executeTakeFirstOrThrow();
    assert.equal(value, 22);
    await close();
  });

  it('sees a column that was added after a statement was prepared', async () => {
    const { db, close } = await withCounters(join(dir, 'changed.sqlite'));
    await db.insertInto('counters').values({ id: 1, value: 1 }).execute();
    const all = () => db.selectFrom('counters').selectAll().executeTakeFirst();
    assert.deepEqual(Object.keys((await all()) ?? {}), ['id', 'value']);
    await sql`alter table counters add column more text default 'x'`.execute(db);
    assert.deepEqual(Object.keys((await all()) ?? {}), ['id', 'value', 'more']);
    await close();
  });

  it('forgets prepared statements rather than keep thousands', async () => {
    const { db, close } = await open('sqlite::memory:');
    for (let n = 0; n < 1500; n++) {
      const { rows } = await sql`select ${sql.lit(n)} as n`.execute(db);
      assert.deepEqual({ ...(rows[0] as object) }, { n });
    }
    await close();
  });

  it('says what is wrong with a file', async () => {
    const text = join(dir, 'letter.txt');
    writeFileSync(
      text,
      'Dear reader, this is a letter and no database, long enough to have the size of a header. '.repeat(9),
    );
    mkdirSync(join(dir, 'folder.sqlite'));
    for (const [path, message] of [
      [text, /cannot be used: it is not an SQLite database\.$/],
      [join(dir, 'folder.sqlite'), /cannot be used: it is a folder\.$/],
      [join(text, 'x.sqlite'), /cannot be used: a part of its path is not a folder\.$/],
    ] as const) {
      await assert.rejects(open(`sqlite:${path}`), (error: Error) => {
        assert.ok(error instanceof DatabaseUnreachable);
        assert.match(error.message, message);
        return true;
      });
    }
  });
});
