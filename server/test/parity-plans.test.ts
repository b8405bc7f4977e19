import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompiledQuery, type Kysely } from 'kysely';
import { type SqlDatabase, sqlOf } from '../src/platform/database/database.ts';
import type { SignedInBody } from './client.ts';
import { testDatabases } from './databases.ts';
import { somebody } from './scenario.ts';
import { type WatchedScene, withWatchedScene } from './watched-app.ts';

/** Tables that grow with the number of people. */
const TABLES = ['users', 'registrations', 'sessions', 'challenges', 'jobs'];
const namesTable = (sql: string) => TABLES.some((table) => new RegExp(`\\b${table}\\b`).test(sql));

type Row = Record<string, unknown>;

const run = async (db: Kysely<unknown>, sql: string, values: unknown[] = []) =>
  (await db.executeQuery<Row>(CompiledQuery.raw(sql, values))).rows;

/** The big tables that a statement reads from end to end, whatever its parameters are. */
type Scans = (db: Kysely<unknown>, sql: string) => Promise<string[]>;

const inSqlite: Scans = async (db, sql) => {
  const plan = await run(db, `explain query plan ${sql.replaceAll('?', 'null')}`);
  return plan.map(({ detail }) => String(detail)).filter((detail) => /^SCAN/.test(detail) && namesTable(detail));
};

interface PostgresNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  Plans?: PostgresNode[];
}

/** Sequential scans are forbidden to the planner: where there is one all the same, no index could serve. */
const inPostgres: Scans = async (db, sql) => {
  const parameters = new Set(sql.match(/\$\d+/g)).size;
  const values = parameters === 0 ? '' : `(${Array.from({ length: parameters }, () => 'null').join(', ')})`;
  const [row] = await db.connection().execute(async (connection) => {
    await run(connection, 'set enable_seqscan = off');
    await run(connection, 'set plan_cache_mode = force_generic_plan');
    await run(connection, `prepare planned as ${sql}`);
    const rows = await run(connection, `explain (format json) execute planned${values}`);
    await run(connection, 'deallocate planned');
    return rows;
  });
  assert.ok(row);
  const [{ Plan: root }] = row['QUERY PLAN'] as [{ Plan: PostgresNode }];
  const found: string[] = [];
  const walk = (node: PostgresNode) => {
    const type = node['Node Type'];
    const isScan = type === 'Seq Scan' || (/Index/.test(type) && node['Index Cond'] === undefined);
    const name = node['Relation Name'] ?? node['Index Name'] ?? '';
    if (isScan && namesTable(name.replaceAll('_', ' '))) found.push(`${type} on ${name}`);
    node.Plans?.forEach(walk);
  };
  walk(root);
  return found;
};

/** In a table of a few rows the optimizer may well read them all: what counts is whether it had an index to choose. */
const inMysql: Scans = async (db, sql) => {
  const literal = sql.replaceAll(/\blimit \?/g, 'limit 1').replaceAll('?', "'2026-11-20 12:00:00.000'");
  const plan = await run(db, `explain ${literal}`);
  return plan
    .filter(
      ({ table, type, possible_keys: keys }) =>
        TABLES.includes(String(table)) && (type === 'index' || (type === 'ALL' && keys === null)),
    )
    .map(({ table, type }) => `${type} on ${table}`);
};

const SCANS = { sqlite: inSqlite, postgres: inPostgres, mysql: inMysql };

/** The statements that a piece of work makes about the big tables, each once. */
async function statementsOf(s: WatchedScene, work: () => Promise<unknown>): Promise<string[]> {
  const start = s.log.length;
  await work();
  await s.work();
  const statements = s.log.slice(start).flatMap((line) => {
    const { sql } = JSON.parse(line) as { sql?: string };
    return sql !== undefined && /^\s*(select|update|delete|with)\b/i.test(sql) && namesTable(sql) ? [sql] : [];
  });
  return [...new Set(statements)];
}

for (const { name, freshUrl } of testDatabases()) {
  // MongoDB answers no `explain` of what its driver was asked; its store contract names the indexes.
  if (name === 'mongodb') continue;
  const scansOf = SCANS[name];

  test(`parity 10: registration, sign-in and what follows read no big table from end to end (${name})`, () =>
    withWatchedScene(
      async (s) => {
        const { db }: SqlDatabase = sqlOf(s.database);
        const column =
          name === 'mysql' ? '`full_name` = ?' : name === 'sqlite' ? '"full_name" = ?' : '"full_name" = $1';
        assert.equal((await scansOf(db, `select * from users where ${column}`)).length, 1, 'a scan would be seen');

        const person = somebody();
        let signedIn: SignedInBody | undefined;
        const { client } = s;
        const work: Record<string, () => Promise<unknown>> = {
          registration: async () => {
            signedIn = await client.register(person);
          },
          'registration of a known address': () => client.send('POST', '/auth/register', { body: person }),
          'sign-in by e-mail': async () => {
            signedIn = await client.login(person);
          },
          'sign-in by username': () =>
            client.send('POST', '/auth/login', { body: { login: person.username, password: person.password } }),
          'sign-in of nobody': () =>
            client.send('POST', '/auth/login', { body: { login: 'x@example.com', password: 'y' } }),
          refresh: () => client.send('POST', '/auth/refresh', { body: { refreshToken: signedIn?.refreshToken } }),
          'a request': () => client.send('GET', '/users/me', { token: signedIn?.accessToken ?? '' }),
          'list of sessions': () => client.send('GET', '/sessions', { token: signedIn?.accessToken ?? '' }),
          'password reset': () =>
            client.send('POST', '/auth/request-password-reset', { body: { email: person.email } }),
          'the next due job': () => s.app.storage.jobs.nextDueAt(),
          logout: () => client.send('POST', '/auth/logout', { token: signedIn?.accessToken ?? '' }),
        };
        const all: string[] = [];
        for (const [what, act] of Object.entries(work)) {
          for (const statement of await statementsOf(s, act)) {
            all.push(statement);
            assert.deepEqual(await scansOf(db, statement), [], `${what}: ${statement}`);
          }
        }
        for (const table of ['users', 'registrations', 'sessions', 'challenges']) {
          assert.ok(
            all.some((statement) => statement.includes(table)),
            `${table} was read`,
          );
        }
        assert.ok(!all.some((statement) => /\bcount\(\*\)/i.test(statement) && !/where/i.test(statement)));
      },
      { freshUrl },
    ));
}
