import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { AUTHORITY, LOCALHOST, OTHER_AUTHORITY } from '../../../test/certificates.ts';
import { testDatabases } from '../../../test/databases.ts';
import { launchMariadbWith } from '../../../tools/test-servers/mariadb.ts';
import { createCluster } from '../../../tools/test-servers/postgres.ts';
import { createScratch } from '../../../tools/test-servers/scratch.ts';
import { onFreePort } from '../../../tools/test-servers/server-process.ts';
import { connectDatabase, DatabaseUnreachable, type SqlDatabase } from './database.ts';
import { createMigrator, MigrationFailed } from './migrations.ts';

const DEADLINE = 120_000;
const named = testDatabases().map(({ name }) => name);

async function open(url: string, ca: string | null = null): Promise<SqlDatabase> {
  const database = await connectDatabase({ url, ca, poolSize: 1, slowQuery: 60_000, log: { warn() {} } });
  assert.ok(database.kind === 'sql');
  return database;
}

/** Whether a connection to `url` is encrypted. */
async function isEncrypted(url: string, ca: string | null = null): Promise<boolean> {
  const database = await open(url, ca);
  try {
    const { rows } =
      database.dialect === 'postgres'
        ? await sql<{ it: boolean }>`select ssl as it from pg_stat_ssl where pid = pg_backend_pid()`.execute(
            database.db,
          )
        : await sql<{
            it: boolean;
          }>`select variable_value <> '' as it from information_schema.session_status where variable_name = 'Ssl_cipher'`.execute(
            database.db,
          );
    return Boolean(rows[0]?.it);
  } finally {
    await database.close();
  }
}

/** The sentence with which a start at `url` is refused. */
async function refusal(url: string, ca: string | null = null): Promise<string> {
  const error: unknown = await open(url, ca).then(
    (database) => database.close(),
    (error) => error,
  );
  assert.ok(error instanceof DatabaseUnreachable, `${error}`);
  assert.doesNotMatch(error.message, /\n/);
  return error.message;
}

type Change = Partial<Pick<URL, 'hostname' | 'username' | 'password' | 'pathname' | 'search'>>;
const changed = (url: string, change: Change) => Object.assign(new URL(url), { search: '', ...change }).href;

const MIGRATIONS = {
  '202601010000-things': {
    sql: {
      up: async (db: SqlDatabase['db']) => void (await sql`create table things (id int)`.execute(db)),
      down: async () => {},
    },
    mongo: { up: async () => {}, down: async () => {} },
  },
};

/** The sentence with which a first start on `database` fails. */
async function failureOfFirstStart(url: string, ca: string | null = null): Promise<string> {
  const database = await open(url, ca);
  try {
    const error: unknown = await createMigrator(database, MIGRATIONS)
      .up()
      .catch((error) => error);
    assert.ok(error instanceof MigrationFailed, `${error}`);
    return error.message;
  } finally {
    await database.close();
  }
}

if (named.includes('postgres')) {
  describe('postgres that takes connections with TLS only, of a private authority', { timeout: DEADLINE }, () => {
    const scratch = createScratch();
    const socket = join(scratch.dir, 'socket');
    let url: string;
    let admin: SqlDatabase;
    const execute = (text: string) => sql.raw(text).execute(admin.db);

    before(async () => {
      mkdirSync(socket);
      chmodSync(socket, 0o777);
      const start = await createCluster(scratch, {
        durable: false,
        query: '?sslmode=no-verify',
        settings: {
          ssl: 'on',
          // Two addresses, of which the certificate names one.
          listen_addresses: '127.0.0.1,127.0.0.2',
          unix_socket_directories: socket,
        },
        files: {
          'server.crt': LOCALHOST.cert,
          'server.key': LOCALHOST.key,
          'pg_hba.conf':
            'local all all scram-sha-256\nhostssl all everybody all reject\nhostssl all all all scram-sha-256\n',
        },
      });
      assert.ok(start !== null);
      ({ url } = await onFreePort(start));
      admin = await open(changed(url, {}), AUTHORITY);
      for (const role of ['everybody', 'reader', 'stranger'])
        await execute(`create role ${role} login password 'Xk7p'`);
      await execute('alter role reader set default_transaction_read_only = on');
      await execute('create database shut');
      await execute('revoke connect on database shut from public');
      await execute('revoke create on schema public from public');
    });
    after(async () => {
      await admin.close();
      await scratch.end();
    });

    it('is reached with its authority, in every way to name it', async () => {
      const file = join(scratch.dir, 'authority.pem');
      writeFileSync(file, AUTHORITY);
      assert.equal(await isEncrypted(changed(url, {}), AUTHORITY), true);
      for (const search of [
        '?sslmode=require',
        '?ssl=true',
        '?sslmode=verify-full',
        '?sslmode=prefer',
        '?sslmode=verify-ca',
      ]) {
        assert.equal(await isEncrypted(changed(url, { search }), AUTHORITY), true, search);
      }
      assert.equal(await isEncrypted(changed(url, { search: `?sslmode=require&sslrootcert=${file}` })), true);
      assert.equal(
        await isEncrypted(changed(url, { search: '?sslmode=require&channel_binding=require' }), AUTHORITY),
        true,
      );
      assert.equal(await isEncrypted(changed(url, { search: '?sslmode=no-verify' })), true);
      assert.equal(await isEncrypted(changed(url, { hostname: 'localhost' }), AUTHORITY), true);
    });

    it('is not trusted without its authority, nor under another name', async () => {
      for (const ca of [null, OTHER_AUTHORITY]) {
        const message = await refusal(changed(url, { search: '?sslmode=require' }), ca);
        assert.match(message, /has a certificate that is not trusted \(.+\); .* name that in DATABASE_CA_FILE\.$/);
      }
      const elsewhere = { hostname: '127.0.0.2' };
      assert.match(await refusal(changed(url, elsewhere), AUTHORITY), /has a certificate for another name/);
      assert.equal(await isEncrypted(changed(url, { ...elsewhere, search: '?sslmode=verify-ca' }), AUTHORITY), true);
      assert.match(
        await refusal(changed(url, { search: '?sslmode=require&sslrootcert=/nowhere.pem' })),
        /sslrootcert .*ENOENT/,
      );
    });

    it('tells the causes of a refusal apart', async () => {
      assert.match(
        await refusal(changed(url, { search: '?sslmode=disable' })),
        /does not admit the user "ostiary" from here without TLS; add \?sslmode=require/,
      );
      assert.match(await refusal(changed(url, {})), /without TLS; add \?sslmode=require/);
      assert.match(
        await refusal(changed(url, { password: 'wrong' }), AUTHORITY),
        /refuses the user "ostiary" with this password\.$/,
      );
      assert.match(
        await refusal(changed(url, { pathname: '/timeout' }), AUTHORITY),
        /has no database "timeout"; create it first\.$/,
      );
      const everybody = { username: 'everybody', password: 'Xk7p' };
      assert.match(
        await refusal(changed(url, everybody), AUTHORITY),
        /does not admit the user "everybody" .*pg_hba\.conf\.$/,
      );
      const stranger = { username: 'stranger', password: 'Xk7p', pathname: '/shut' };
      assert.match(
        await refusal(changed(url, stranger), AUTHORITY),
        /does not let the user "stranger" use the database "shut"\.$/,
      );
    });

    it('is reached by its socket', async () => {
      const { port, username, password } = new URL(url);
      const query = `host=${encodeURIComponent(socket)}&port=${port}`;
      assert.equal(await isEncrypted(`postgres://${username}:${password}@/postgres?${query}`), false);
      assert.equal(await isEncrypted(`postgres:///postgres?user=${username}&password=${password}&${query}`), false);
      assert.equal(
        await isEncrypted(`postgres://${username}:${password}@${encodeURIComponent(socket)}:${port}/postgres`),
        false,
      );
      const nowhere = `postgres://${username}:${password}@/postgres?host=/nowhere`;
      assert.match(await refusal(nowhere), /at \/nowhere\/\.s\.PGSQL\.5432 cannot be reached by its socket/);
    });

    it('says at the first start that it is read-only, or which GRANT is missing', async () => {
      const reader = changed(url, { username: 'reader', password: 'Xk7p' });
      assert.match(
        await failureOfFirstStart(reader, AUTHORITY),
        /The database is read-only.*\(cannot execute CREATE TABLE/,
      );
      const stranger = changed(url, { username: 'stranger', password: 'Xk7p' });
      assert.match(
        await failureOfFirstStart(stranger, AUTHORITY),
        /does not allow this to its user: GRANT .*\(permission denied for schema public\)/,
      );
    });
  });

  describe('postgres without TLS', { timeout: DEADLINE }, () => {
    it('is not used in clear where the URL asks for TLS', async () => {
      const url = process.env.TEST_POSTGRES_URL ?? '';
      for (const search of ['?sslmode=require', '?ssl=require', '?sslmode=prefer', '?sslmode=no-verify']) {
        assert.match(await refusal(changed(url, { search })), /does not offer TLS, which the database URL/, search);
      }
      assert.match(await refusal(url, AUTHORITY), /does not offer TLS/);
    });
  });
}

if (named.includes('mysql')) {
  describe('mariadb that takes connections with TLS only, of a private authority', { timeout: DEADLINE }, () => {
    const scratch = createScratch();
    let url: string;
    let admin: SqlDatabase;

    before(async () => {
      const files = { cert: LOCALHOST.cert, key: LOCALHOST.key };
      const paths = Object.entries(files).map(([name, content]) => {
        const path = join(scratch.dir, `server.${name}`);
        writeFileSync(path, content, { mode: 0o644 });
        return `--ssl-${name}=${path}`;
      });
      const launched = await launchMariadbWith(scratch, {
        durable: false,
        settings: [...paths, '--require-secure-transport=on', '--bind-address=*'],
        query: '?ssl={"rejectUnauthorized":false}',
      });
      assert.ok('url' in launched);
      ({ url } = launched);
      admin = await open(changed(url, {}), AUTHORITY);
      const execute = (text: string) => sql.raw(text).execute(admin.db);
      await execute('create database ostiary');
      for (const [user, rights] of [
        ['reader', 'select'],
        ['secured', 'all'],
      ]) {
        await execute(`create user ${user}@'%' identified by 'Xk7p' ${user === 'secured' ? 'require x509' : ''}`);
        await execute(`grant ${rights} on ostiary.* to ${user}@'%'`);
      }
    });
    after(async () => {
      await admin.close();
      await scratch.end();
    });

    it('is reached with its authority, in every way to name it', async () => {
      const file = join(scratch.dir, 'authority.pem');
      writeFileSync(file, AUTHORITY);
      assert.equal(await isEncrypted(changed(url, {}), AUTHORITY), true);
      for (const search of ['?ssl-mode=REQUIRED', '?sslMode=VERIFY_IDENTITY', '?tls=true', '?useSSL=true']) {
        assert.equal(await isEncrypted(changed(url, { search }), AUTHORITY), true, search);
      }
      assert.equal(await isEncrypted(changed(url, { search: `?ssl-ca=${file}` })), true);
      assert.equal(await isEncrypted(changed(url, { search: '?tls=skip-verify' })), true);
      assert.equal(await isEncrypted(changed(url, { hostname: 'localhost' }), AUTHORITY), true);
    });

    it('is not trusted without its authority, nor under another name', async () => {
      for (const ca of [null, OTHER_AUTHORITY]) {
        const message = await refusal(changed(url, { search: '?ssl-mode=REQUIRED' }), ca);
        assert.match(message, /has a certificate that is not trusted \(.+\); .* name that in DATABASE_CA_FILE\.$/);
      }
      const elsewhere = { hostname: '127.0.0.2' };
      assert.match(await refusal(changed(url, elsewhere), AUTHORITY), /certificate that is not trusted \(Hostname.*\)/);
      assert.equal(await isEncrypted(changed(url, { ...elsewhere, search: '?ssl-mode=VERIFY_CA' }), AUTHORITY), true);
    });

    it('tells the causes of a refusal apart', async () => {
      assert.match(
        await refusal(changed(url, {})),
        /refuses the user "ostiary" .*; if it takes this user with TLS only, add \?ssl-mode=REQUIRED/,
      );
      assert.match(
        await refusal(changed(url, { password: 'wrong' }), AUTHORITY),
        /refuses the user "ostiary" with this password\.$/,
      );
      assert.match(
        await refusal(changed(url, { pathname: '/timeout' }), AUTHORITY),
        /has no database "timeout"; create it first\.$/,
      );
      const reader = { username: 'reader', password: 'Xk7p' };
      assert.match(
        await refusal(changed(url, reader), AUTHORITY),
        /does not let the user "reader" use the database "mysql"\.$/,
      );
    });

    it('says at the first start which GRANT is missing, or that it is read-only', async () => {
      const reader = changed(url, { username: 'reader', password: 'Xk7p', pathname: '/ostiary' });
      assert.match(await failureOfFirstStart(reader, AUTHORITY), /does not allow this to its user: GRANT /);
      await sql`grant all on ostiary.* to reader@'%'`.execute(admin.db);
      await sql`set global read_only = 1`.execute(admin.db);
      try {
        assert.match(await failureOfFirstStart(reader, AUTHORITY), /The database is read-only/);
      } finally {
        await sql`set global read_only = 0`.execute(admin.db);
      }
    });
  });

  describe('mariadb without TLS', { timeout: DEADLINE }, () => {
    it('is not used in clear where the URL asks for TLS', async () => {
      const url = process.env.TEST_MYSQL_URL ?? '';
      for (const search of [
        '?ssl-mode=REQUIRED',
        '?sslmode=require',
        '?ssl={}',
        '?tls=preferred',
        '?tls=skip-verify',
      ]) {
        assert.match(await refusal(changed(url, { search })), /does not offer TLS, which the database URL/, search);
      }
      assert.match(await refusal(url, AUTHORITY), /does not offer TLS/);
    });
  });
}
