import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { testDatabases } from '../../../test/databases.ts';
import { connectDatabase, DatabaseUnreachable } from './database.ts';
import { databaseUrl } from './url.ts';

const log = { warn() {} };
const SECRET = 'p@ss/w:rd?';

async function failure(url: string): Promise<string> {
  const error: unknown = await connectDatabase({ url, poolSize: 1, slowQuery: 60_000, log }).then(
    (database) => database.close(),
    (error) => error,
  );
  assert.ok(error instanceof DatabaseUnreachable, `${inspect(error)}`);
  assert.match(error.message, /^[A-Z][^\n]*\.$|\?$/, 'one sentence');
  return error.message;
}

describe('database URL', () => {
  it('is taken apart, with the usual port', () => {
    const { url, ...target } = databaseUrl(
      `postgresql://us%40er:${encodeURIComponent(SECRET)}@db.example/ostiary?sslmode=require`,
    ) as {
      url: string;
    };
    assert.deepEqual(target, {
      product: 'PostgreSQL',
      host: 'db.example:5432',
      database: 'ostiary',
      user: 'us@er',
      password: SECRET,
    });
    assert.match(url, /^postgres:.*sslmode=require$/);
  });

  it('may name several hosts, an IPv6 address or none of user and password', () => {
    const hostOf = (url: string) => (databaseUrl(url) as { host: string }).host;
    assert.equal(hostOf('mongodb://a,b:27018/x?replicaSet=r'), 'a:27017,b:27018');
    assert.equal(hostOf('mongodb+srv://cluster.example/x'), 'cluster.example');
    assert.equal(hostOf('mariadb://[::1]/x'), '[::1]:3306');
    assert.equal(hostOf('mysql://[::1]:13306/x'), '[::1]:13306');
  });

  it('names a file, relative or absolute, or memory', () => {
    const pathOf = (url: string) => (databaseUrl(url) as { path: string }).path;
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
        () => databaseUrl(url),
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
});

for (const { name, freshUrl } of testDatabases()) {
  if (name === 'sqlite') continue;
  describe(`${name}: wrong settings at start`, { timeout: 60_000 }, () => {
    async function withUrl(change: (url: URL) => void): Promise<string> {
      const { url, drop } = await freshUrl();
      try {
        const changed = new URL(url);
        change(changed);
        return await failure(changed.href);
      } finally {
        await drop();
      }
    }

    it('names a host that does not exist', async () => {
      const message = await withUrl((url) => {
        url.hostname = 'no-such-host.invalid';
      });
      assert.match(message, /^The host of .* at no-such-host\.invalid:\d+ cannot be found/);
    });

    it('names a port where nobody listens', async () => {
      const message = await withUrl((url) => {
        url.port = '1';
      });
      assert.match(message, /at \S+:1 refuses connections; is it running\?$/);
    });

    it('never tells the password', async () => {
      const message = await withUrl((url) => {
        url.username = 'somebody';
        url.password = SECRET;
        url.port = '1';
      });
      assert.ok(!message.includes(SECRET) && !message.includes(encodeURIComponent(SECRET)), message);
    });

    // The MongoDB of a private test server knows no users, and makes databases as they are used.
    if (name === 'mongodb') return;

    it('names the user that is refused', async () => {
      const message = await withUrl((url) => {
        url.username = 'nobody';
        url.password = SECRET;
      });
      assert.match(message, /refuses the user "nobody" with this password\.$/);
    });

    it('names the database that there is not', async () => {
      const message = await withUrl((url) => {
        url.pathname = '/ostiary_nowhere';
      });
      assert.match(message, /has no database "ostiary_nowhere"; create it first\.$/);
    });
  });
}
