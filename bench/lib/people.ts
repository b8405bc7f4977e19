import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { hash } from '@node-rs/argon2';
import { Client } from 'pg';
import type { BenchDatabase } from './databases.ts';

/** The password of all synthetic people. */
export const PASSWORD = 'seven herons over the lock 41';

export interface HashCost {
  /** KiB. */
  memory: number;
  passes: number;
}

/** What production uses unless told otherwise. */
export const PRODUCTION_COST: HashCost = { memory: 19 * 1024, passes: 2 };

/** The cheapest that may be configured: what else a request costs is not hidden behind it. */
export const CHEAPEST: HashCost = { memory: 8 * 1024, passes: 1 };

/** Configures a server to hash at this cost. */
export function hashEnv({ memory, passes }: HashCost): Record<string, string> {
  return { ARGON2_MEMORY: `${memory / 1024}mb`, ARGON2_PASSES: `${passes}` };
}

/** A hash of `PASSWORD` as the server itself makes them. */
export function hashOf({ memory, passes }: HashCost): Promise<string> {
  return hash(Buffer.from(PASSWORD), { memoryCost: memory, timeCost: passes, parallelism: 1, outputLen: 32 });
}

/** Crowds of synthetic people that do not meet: each has ids and addresses of its own. */
export type Crowd = 'a' | 'b' | 'c';

/** Odd, so that multiplying by it modulo 2^32 gives every number once: addresses come in no order, as real ones do. */
const SCATTER = 2_654_435_761;

/** The id of the person with this number. */
export function idOf(crowd: Crowd, index: number): string {
  return `019a0000-0000-7000-8${crowd}00-${index.toString(16).padStart(12, '0')}`;
}

/** The address of the person with this number, from 1. */
export function emailOf(crowd: Crowd, index: number): string {
  const scattered = Number((BigInt(index) * BigInt(SCATTER)) % 2n ** 32n);
  return `${scattered.toString(16).padStart(8, '0')}.${crowd}@people.example.org`;
}

/** The built-in administrator: a role with a pattern, no superadmin, so that the permission is looked for. */
export const ADMIN_ROLE = '00000000-0000-7000-8000-000000000002';
/** The role of everybody who has an account. */
const USER_ROLE = '00000000-0000-7000-8000-000000000003';

/**
 * Inserts `count` verified people straight into the table of users and what follows from it, one for each second of this year, and
 * lets the database take stock of it.
 */
export async function insertPeople(
  database: BenchDatabase,
  { crowd, count, passwordHash }: { crowd: Crowd; count: number; passwordHash: string },
): Promise<void> {
  const isPostgres = database.product === 'PostgreSQL';
  const hex = (value: string, digits: number) =>
    isPostgres ? `lpad(to_hex((${value})::bigint), ${digits}, '0')` : `printf('%0${digits}x', ${value})`;
  const scattered = hex(`(i * ${SCATTER}) % 4294967296`, 8);
  const email = `${scattered} || '.${crowd}@people.example.org'`;
  const joined = isPostgres
    ? `timestamptz '2026-01-01T00:00:00Z' + i * interval '1 second'`
    : `strftime('%Y-%m-%dT%H:%M:%fZ', 1767225600 + i, 'unixepoch')`;
  const values: Record<string, string> = {
    id: `'019a0000-0000-7000-8${crowd}00-' || ${hex('i', 12)}`,
    email,
    email_norm: email,
    email_verified: 'true',
    username: `'p' || ${scattered} || '${crowd}'`,
    username_key: `'p' || ${scattered} || '${crowd}'`,
    full_name: `'Person ' || ${scattered}`,
    profile: `'{}'`,
    profile_public: 'false',
    status: `'active'`,
    role_ids: `'["${USER_ROLE}"]'`,
    password_hash: `'${passwordHash}'`,
    password_version: '1',
    must_change_password: 'false',
    session_epoch: '0',
    email_change_tries: '0',
    created_at: joined,
    updated_at: joined,
    version: '1',
  };
  const numbers = `with recursive numbers(i) as (select ${isPostgres ? '1::bigint' : '1'} union all select i + 1 from numbers where i < ${count})`;
  const columns = Object.keys(values).join(', ');
  const insert = `insert into users (${columns}) ${numbers} select ${Object.values(values).join(', ')} from numbers`;
  const fill = [insert, ...sideTables(crowd)];
  if (isPostgres) await executePostgres(database.url, [...fill, 'vacuum analyze']);
  else executeSqlite(database.url, [...fill, 'analyze', 'pragma wal_checkpoint(truncate)']);
}

/** Milliseconds within which a server learns of a change. */
const LEARNING = 1500;

/** Gives one of them one role, which demands no second factor; before they sign in, for a server that runs learns nothing of it. */
export async function giveRole(database: BenchDatabase, email: string, roleId: string): Promise<void> {
  const updates = [
    `update users set role_ids = '["${roleId}"]' where email_norm = '${email}'`,
    `update user_roles set role_id = '${roleId}' where user_id = (select id from users where email_norm = '${email}')`,
    // A new installation in production demands one of its administrators.
    `update roles set mfa = 'off' where id = '${roleId}'`,
    // Of the role, though not of the person, a server that runs learns so.
    `insert into evictions (target) values ('role:${roleId}')`,
  ];
  if (database.product === 'PostgreSQL') await executePostgres(database.url, updates);
  else executeSqlite(database.url, updates);
  await sleep(LEARNING);
}

/** Makes one of them choose another password at the next sign-in. */
export async function demandNewPassword(database: BenchDatabase, email: string): Promise<void> {
  const update = `update users set must_change_password = true where email_norm = '${email}'`;
  if (database.product === 'PostgreSQL') await executePostgres(database.url, [update]);
  else executeSqlite(database.url, [update]);
}

/** What the server itself writes beside such users. In the order of the keys, which is quicker than in none. */
function sideTables(crowd: Crowd): string[] {
  const people = `from users where id like '019a0000-0000-7000-8${crowd}00-%'`;
  const terms = ['email_norm', `'@people.example.org'`, 'username', `'person'`];
  const rows = terms.map((term) => `select ${term} as term, id as user_id ${people}`).join(' union all ');
  return [
    `insert into user_terms (term, user_id) select term, user_id from (${rows}) as terms order by term, user_id`,
    `insert into user_roles (role_id, user_id) select '${USER_ROLE}', id ${people} order by id`,
  ];
}

async function executePostgres(url: string, statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

function executeSqlite(url: string, statements: string[]): void {
  // The server may be writing, too.
  const database = new DatabaseSync(url.slice('sqlite:'.length), { timeout: 5_000 });
  try {
    // Half a gigabyte of pages in memory: the indexes are filled in no order.
    database.exec('pragma cache_size = -500000');
    for (const statement of statements) database.exec(statement);
  } finally {
    database.close();
  }
}
