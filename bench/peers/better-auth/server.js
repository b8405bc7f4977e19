import { randomBytes, scrypt as scryptWithCallback, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { answerCalls } from '../../lib/calls.ts';

const ORIGIN = 'https://bench.example.org';
const BASE_PATH = '/api/auth';
const SIGN_IN = '/sign-in/email';

/** Limits stay on and count every request, as in its production, but nobody reaches these. */
const NO_REAL_LIMIT = { window: 10, max: 1_000_000 };

const scrypt = promisify(scryptWithCallback);
/** The least work among the settings that OWASP lists as equal for scrypt. */
const OWASP_SCRYPT = { N: 2 ** 14, r: 8, p: 5, maxmem: 2 ** 26 };

/** Passwords at that cost, by Node's scrypt, which is also the one that better-auth calls. */
const owaspPassword = {
  async hash(password) {
    const salt = randomBytes(16);
    const key = await scrypt(password, salt, 32, OWASP_SCRYPT);
    return `${salt.toString('hex')}:${key.toString('hex')}`;
  },
  async verify({ hash, password }) {
    const [salt, key] = hash.split(':').map((part) => Buffer.from(part, 'hex'));
    return timingSafeEqual(await scrypt(password, salt, 32, OWASP_SCRYPT), key);
  },
};

/**
 * better-auth as it comes: the session in a cookie and read from the database at each request (unless `cookieCache`), its own scrypt
 * (unless `owaspHashing`). The database writes ahead, which is kinder to it than what SQLite does unasked.
 */
async function open({ cookieCache, owaspHashing }) {
  const database = new DatabaseSync('better-auth.sqlite');
  database.exec('pragma journal_mode = wal');
  const options = {
    baseURL: ORIGIN,
    basePath: BASE_PATH,
    secret: randomBytes(32).toString('base64'),
    database,
    emailAndPassword: { enabled: true, ...(owaspHashing && { password: owaspPassword }) },
    rateLimit: { ...NO_REAL_LIMIT, customRules: { [SIGN_IN]: NO_REAL_LIMIT } },
    session: { cookieCache: { enabled: cookieCache } },
    telemetry: { enabled: false },
  };
  await (await getMigrations(options)).runMigrations();
  return betterAuth(options);
}

answerCalls({
  /** Listens, with one account for each address, and answers how the first of them asks who it is, and how all sign in. */
  async listen({ emails, password, cookieCache = false, owaspHashing = false }) {
    const auth = await open({ cookieCache, owaspHashing });
    for (const email of emails) await auth.api.signUpEmail({ body: { email, password, name: 'Person' } });
    const server = createServer(toNodeHandler(auth)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const signedIn = await auth.api.signInEmail({ body: { email: emails[0], password }, asResponse: true });
    const cookie = signedIn.headers.getSetCookie().map((each) => each.split(';')[0]);
    return {
      url: `http://127.0.0.1:${server.address().port}`,
      me: { path: `${BASE_PATH}/get-session`, headers: { cookie: cookie.join('; ') } },
      signIn: {
        path: `${BASE_PATH}${SIGN_IN}`,
        headers: { origin: ORIGIN },
        bodies: emails.map((email) => ({ email, password })),
      },
    };
  },
});
