import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { testDatabases } from '../../../test/databases.ts';
import { connectDatabase, DatabaseUnreachable } from './database.ts';

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

it('an option that the driver does not take is a sentence, too', async () => {
  for (const query of ['authMechanism=nonsense', 'tls=true&ssl=false', 'tls=true&tlsCAFile=/nowhere.pem']) {
    assert.match(
      await failure(`mongodb://127.0.0.1:1/x?${query}`),
      /^MongoDB at 127\.0\.0\.1:1 cannot be used: /,
      query,
    );
  }
});

for (const { name, emptyUrl } of testDatabases()) {
  if (name === 'sqlite') continue;
  describe(`${name}: wrong settings at start`, { timeout: 60_000 }, () => {
    async function withUrl(change: (url: URL) => void): Promise<string> {
      const { url, drop } = await emptyUrl();
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
      // MariaDB says the same of a user that must use TLS.
      const end =
        name === 'mysql' ? /with this password; if it takes this user with TLS only, .*\.$/ : /with this password\.$/;
      assert.match(message, /refuses the user "nobody" with this password/);
      assert.match(message, end);
    });

    it('names the database that there is not', async () => {
      const message = await withUrl((url) => {
        url.pathname = '/ostiary_nowhere';
      });
      assert.match(message, /has no database "ostiary_nowhere"; create it first\.$/);
    });
  });
}
