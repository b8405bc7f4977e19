import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DatabaseUnreachable } from './database.ts';
import { databaseTarget, type ServerTarget } from './url.ts';

const SECRET = 'p@ss/w:rd?';

const server = (url: string) => databaseTarget(url) as ServerTarget;

describe('database URL', () => {
  it('is taken apart, with the usual port', () => {
    const { url, host, database, user, password, port } = server(
      `postgresql://us%40er:${encodeURIComponent(SECRET)}@db.example/ostiary?sslmode=require`,
    );
    const expected = ['db.example:5432', 'ostiary', 'us@er', SECRET, 5432];
    assert.deepEqual([host, database, user, password, port], expected);
    assert.match(url, /^postgres:.*sslmode=require$/);
  });

  it('may name several hosts, an IPv6 address or none of user and password', () => {
    const hostOf = (url: string) => server(url).host;
    assert.equal(hostOf('mongodb://a,b:27018/x?replicaSet=r'), 'a:27017,b:27018');
    assert.equal(hostOf('mongodb+srv://cluster.example/x'), 'cluster.example');
    assert.equal(hostOf('mariadb://[::1]/x'), '[::1]:3306');
    assert.equal(hostOf('mysql://[::1]:13306/x'), '[::1]:13306');
  });

  it('names a file, relative or absolute, or memory', () => {
    const pathOf = (url: string) => (databaseTarget(url) as { path: string }).path;
    assert.equal(pathOf('sqlite:./data/x.sqlite'), './data/x.sqlite');
    assert.equal(pathOf('sqlite:/abs/a%20b'), '/abs/a b');
    assert.equal(pathOf('sqlite:///abs/x'), '/abs/x');
    assert.equal(pathOf('sqlite::memory:'), null);
  });

  it('is refused in one sentence that does not repeat it', () => {
    for (const [url, message] of [
      ['', /must begin with/],
      ['oracle://user:hidden@host/db', /must begin with/],
      ['hidden', /must begin with/],
      ['postgres://user:hidden@host', /names no database/],
      ['mysql://user:hidden@host/', /names no database/],
      ['mongodb://user:hidden@host/?replicaSet=r', /names no database/],
      ['postgres:hidden', /cannot be read/],
      ['postgres://user:hid/den@host/db', /cannot be read/],
      ['postgres://user:1/hidden@host/db', /cannot be read/],
      ['postgres://user:hid?den@host/db', /cannot be read/],
      ['mysql://user:hidden%@host/db', /stray %/],
      ['sqlite:', /names no SQLite file/],
      ['sqlite://host/hidden', /names no SQLite file/],
    ] as const) {
      assert.throws(
        () => databaseTarget(url),
        (error: Error) => {
          assert.ok(error instanceof DatabaseUnreachable);
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /hid/);
          return true;
        },
        url,
      );
    }
  });

  it('names a Unix socket in every way that clients write it', () => {
    for (const url of [
      'postgres:///db?host=/run/postgresql',
      'postgresql:///db?host=%2Frun%2Fpostgresql',
      'postgres://%2Frun%2Fpostgresql/db',
      'postgres://ann:pw@%2frun%2fpostgresql/db',
      'postgres://ann@/db?host=/run/postgresql',
      'postgres://localhost/db?host=/run/postgresql',
      'postgres:///?dbname=db&host=/run/postgresql&user=ann',
    ]) {
      const { hosts, host, port, database } = server(url);
      assert.deepEqual([hosts, port, database], [['/run/postgresql'], 5432, 'db'], url);
      assert.equal(host, '/run/postgresql/.s.PGSQL.5432');
    }
    for (const url of ['postgres:///db?host=/run/pg&port=5433', 'postgres://%2Frun%2Fpg:5433/db']) {
      assert.deepEqual([server(url).hosts, server(url).port], [['/run/pg'], 5433], url);
    }
    for (const url of [
      'mysql:///db?socket=/run/mysqld.sock',
      'mysql://ann@localhost/db?socketPath=/run/mysqld.sock',
      'mariadb:///db?unix_socket=/run/mysqld.sock',
      'mysql://%2Frun%2Fmysqld.sock/db',
      'mongodb://%2Frun%2Fmysqld.sock/db',
    ]) {
      assert.deepEqual([server(url).hosts, server(url).host], [['/run/mysqld.sock'], '/run/mysqld.sock'], url);
    }
    assert.equal(server('postgres:///db?host=db.example&port=6432').host, 'db.example:6432');
    assert.equal(server('postgres:///db?host=::1').host, '[::1]:5432');
  });

  it('names the schema in the words of other clients', () => {
    const pathOf = (query: string) => server(`postgres://h/d?${query}`).postgres?.searchPath;
    assert.equal(pathOf('schema=auth'), '"auth"');
    assert.equal(pathOf('currentSchema=Auth'), '"Auth"');
    assert.equal(pathOf('search_path=auth,public'), '"auth", "public"');
    assert.equal(pathOf('application_name=x'), null);
    assert.equal(server('postgres://h/d?options=-c%20search_path%3Db').postgres?.options, '-c search_path=b');
    for (const query of ['schema=a%22b', 'schema=a;b', 'schema=a&search_path=b']) {
      assert.throws(() => server(`postgres://h/d?${query}`), /bad name of a schema|names schemas twice/, query);
    }
  });

  it('takes no option that is not known, and repeats none', () => {
    for (const url of [
      'postgres://h/d?shema=hidden',
      'postgres://h/d?hidden=1',
      'postgres://h/d?sslmodes=hidden',
      'mysql://h/d?schema=hidden',
      'mysql://h/d?multipleStatements=true',
      'mongodb://h/d?sslmode=hidden',
      'postgres://h/d?sslmode=disable&sslMode=require',
    ]) {
      assert.throws(
        () => server(url),
        (error: Error) => /has an (unknown option|option twice)/.test(error.message) && !/hidden/.test(error.message),
        url,
      );
    }
  });

  it('does not drop the options of TLS of MongoDB where TLS is not asked for', () => {
    assert.throws(() => server('mongodb://h/d?tlsCAFile=/x.pem'), /has options of TLS without tls=true/);
    for (const url of ['mongodb://h/d?tls=true&tlsCAFile=/x.pem', 'mongodb+srv://h/d?tlsCAFile=/x.pem']) {
      assert.equal(server(url).product, 'MongoDB');
    }
  });

  it('names one host, where the driver takes one', () => {
    for (const url of ['postgres://a,b/d', 'mysql://a:1,b:2/d', 'postgres:///d?host=a,b']) {
      assert.throws(() => server(url), /names several hosts/, url);
    }
  });
});
