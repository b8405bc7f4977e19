import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import { testDatabases } from '../../../test/databases.ts';
import { AppError } from '../errors.ts';
import { columnsOf } from './columns.ts';
import {
  connectDatabase,
  type Database,
  DatabaseUnreachable,
  isUnavailable,
  type SqlDatabase,
  sqlOf,
} from './database.ts';

interface Tables {
  counters: { id: string; value: number };
}

const DEADLINE = 60_000;

/** A TCP relay in front of a real server that can be cut, shut, frozen and opened again. */
async function openGate(host: string, port: number) {
  const sockets = new Set<Socket>();
  let dumb = false;
  const server = createServer((inside) => {
    sockets.add(inside);
    inside.on('error', () => {}).on('close', () => sockets.delete(inside));
    if (dumb) return;
    const outside = connect(port, host);
    sockets.add(outside);
    outside
      .on('error', () => {})
      .on('close', () => {
        sockets.delete(outside);
        inside.destroy();
      });
    inside.on('close', () => outside.destroy());
    inside.pipe(outside).pipe(inside);
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const listen = async (at: number) => {
    server.listen(at, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port: at } = server.address() as AddressInfo;
  return {
    port: at,
    cut,
    async shut() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
    /** New connections get no answer; those that are open stay so, and say no more. */
    freeze() {
      dumb = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    async open() {
      dumb = false;
      if (!server.listening) await listen(at);
    },
  };
}

const quiet = { warn() {} };

for (const { name, emptyUrl } of testDatabases()) {
  if (name === 'sqlite') continue;
  describe(`${name}: outage`, { timeout: DEADLINE }, () => {
    let gate: Awaited<ReturnType<typeof openGate>>;
    let database: Database;
    let gatedUrl: string;
    let drop: () => Promise<void>;
    const warnings: string[] = [];

    before(async () => {
      const fresh = await emptyUrl();
      drop = fresh.drop;
      const url = new URL(fresh.url);
      gate = await openGate(url.hostname, Number(url.port));
      url.hostname = '127.0.0.1';
      url.port = String(gate.port);
      gatedUrl = url.href;
      const log = { warn: (_: object, message: string) => void warnings.push(message) };
      database = await connectDatabase({ url: gatedUrl, poolSize: 4, slowQuery: 60_000, log });
      if (database.kind === 'sql') {
        const columns = columnsOf(database);
        await database.db.schema
          .createTable('counters')
          .addColumn('id', columns.text(40), (column) => column.primaryKey())
          .addColumn('value', columns.int(), (column) => column.notNull())
          .execute();
      }
    });
    after(async () => {
      await gate.open();
      await database.close();
      await gate.shut();
      await drop();
    });

    /** One read, as a store would do it. */
    async function read(): Promise<unknown> {
      if (database.kind === 'mongo') return database.db.collection('counters').find().toArray();
      return sqlOf<Tables>(database).db.selectFrom('counters').selectAll().execute();
    }

    async function assertUnavailable(work: Promise<unknown>): Promise<void> {
      const error = await work.then(
        () => null,
        (error) => error,
      );
      assert.ok(error instanceof AppError, `${error}`);
      assert.equal(error.code, 'unavailable');
      assert.equal(error.status, 503);
      assert.deepEqual(error.extras.headers, { 'retry-after': '1' });
      assert.ok(isUnavailable(error));
    }

    it('answers 503 while the server refuses, and goes on by itself when it is back', async () => {
      for (let round = 0; round < 2; round++) {
        await Promise.all(Array.from({ length: 8 }, read));
        await gate.shut();
        await Promise.all(Array.from({ length: 20 }, () => assertUnavailable(read())));
        await assertUnavailable(database.ping());
        await gate.open();
        await recovered(read);
      }
      if (database.kind === 'sql') {
        assert.deepEqual(warnings.slice(0, 2), ['The database is away.', 'The database is back.']);
      }
    });

    it('answers 503 while the server is silent, everybody who waits included', async () => {
      await Promise.all(Array.from({ length: 8 }, read));
      gate.freeze();
      await Promise.all(Array.from({ length: 20 }, () => assertUnavailable(read())));
      await assertUnavailable(database.ping());
      gate.cut();
      await Promise.all(Array.from({ length: 20 }, () => assertUnavailable(read())));
      await gate.open();
      await recovered(read);
    });

    it('survives the loss of idle connections', async () => {
      await Promise.all(Array.from({ length: 8 }, read));
      gate.cut();
      await recovered(read);
    });

    it('answers 503 when the server is cut off in the middle of a transaction, which then counts for nothing', async (context) => {
      if (database.kind === 'mongo') return context.diagnostic('No transactions are used on MongoDB.');
      const store: SqlDatabase<Tables> = sqlOf<Tables>(database);
      const beforeCommit = store.transaction(async (trx) => {
        await trx.insertInto('counters').values({ id: 'lost', value: 1 }).execute();
        gate.cut();
      });
      await assertUnavailable(beforeCommit);
      const beforeStatement = store.transaction(async (trx) => {
        await trx.insertInto('counters').values({ id: 'lost', value: 1 }).execute();
        gate.cut();
        await trx.insertInto('counters').values({ id: 'lost too', value: 1 }).execute();
      });
      await assertUnavailable(beforeStatement);
      const silent = store.transaction(async (trx) => {
        await trx.insertInto('counters').values({ id: 'lost', value: 1 }).execute();
        gate.freeze();
        await trx.insertInto('counters').values({ id: 'lost too', value: 1 }).execute();
      });
      await assertUnavailable(silent);
      gate.cut();
      await gate.open();
      await recovered(async () => assert.deepEqual(await read(), []));
    });

    it('answers 503 when the server is cut off in the middle of a statement', async (context) => {
      if (database.kind === 'mongo') return context.diagnostic('MongoDB has no statement that sleeps.');
      const sleep = name === 'postgres' ? sql`select pg_sleep(30)` : sql`select sleep(30)`;
      const sleeping = assertUnavailable(sleep.execute(database.db));
      while (!(await isSleeping(database.db))) await read();
      gate.cut();
      await sleeping;
      await recovered(read);
    });

    it('says at start in one sentence what is wrong', async () => {
      await gate.shut();
      const start = () => connectDatabase({ url: gatedUrl, poolSize: 1, slowQuery: 60_000, log: quiet });
      await assert.rejects(start, (error: Error) => {
        assert.ok(error instanceof DatabaseUnreachable);
        assert.match(
          error.message,
          new RegExp(`at 127\\.0\\.0\\.1:${gate.port} refuses connections; is it running\\?$`),
        );
        return true;
      });
      await gate.open();
      gate.freeze();
      await assert.rejects(start, /does not answer; is it running and reachable\?$/);
      await gate.open();
      await (await start()).close();
    });
  });

  async function isSleeping(db: SqlDatabase['db']): Promise<boolean> {
    const { rows } =
      name === 'postgres'
        ? await sql`select 1 from pg_stat_activity where query = 'select pg_sleep(30)' and state = 'active'`.execute(db)
        : await sql`select 1 from information_schema.processlist where info = 'select sleep(30)'`.execute(db);
    return rows.length > 0;
  }
}

/** A cut connection may be noticed only by the next statement that uses it; those fail cleanly, and soon all is well. */
async function recovered(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const error = await work().then(
      () => null,
      (error) => error,
    );
    if (!error) return;
    assert.ok(isUnavailable(error), `${error}`);
    await pause(20);
  }
}
