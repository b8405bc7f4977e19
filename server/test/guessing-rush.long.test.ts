import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIREFOX } from './client.ts';
import { testDatabases } from './databases.ts';
import { newAddress } from './guessers.ts';
import { ostiary, type ServerProcess, serverEnv, withServers } from './kill/server-process.ts';
import { hasOwnRedis, withOwnRedis } from './own-redis.ts';
import { atOnce } from './scenario.ts';

const AT_ONCE = 200;
const PASSWORD = 'walks the dog at seven';
const OWNER = { email: 'öwner@exämple.com', username: 'owner' };
/** Of its two logins. */
const SPELLINGS = [
  OWNER.email,
  OWNER.username,
  OWNER.email.toUpperCase(),
  'OWNER',
  ` ${OWNER.email} `,
  'ｏｗｎｅｒ',
  OWNER.email.replace('exämple', 'xn--exmple-cua'),
  ' owner',
  OWNER.email.normalize('NFD'),
  'Owner',
];
const TEST_LIMIT = 120_000;

interface Answer {
  status: number;
  body: { accessToken: string; deviceToken: string };
}

type Post = (path: string, body: object | URLSearchParams, token?: string) => Promise<Answer>;

/** Sends each request to the next of the instances, from an address that nobody had before. */
function postTo(servers: readonly ServerProcess[]): Post {
  let sent = 0;
  return async (path, body, token) => {
    const { port } = servers[sent++ % servers.length] ?? assert.fail();
    const isForm = body instanceof URLSearchParams;
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1${path}`, {
      method: 'POST',
      headers: {
        'user-agent': FIREFOX,
        'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
        'x-forwarded-for': newAddress(),
        ...(token && { authorization: `Bearer ${token}` }),
      },
      body: isForm ? body.toString() : JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Answer['body'] };
  };
}

const spelling = (index: number) => SPELLINGS[index % SPELLINGS.length] ?? assert.fail();

/** Every way to try a password without a session, each with every spelling. */
function guessAsStranger(post: Post, index: number): Promise<Answer> {
  const [login, password] = [spelling(index), `guess ${index}`];
  const form = new URLSearchParams({ grant_type: 'password', username: login, password });
  switch (Math.floor(index / SPELLINGS.length) % 4) {
    case 0:
      return post('/auth/login', { login, password });
    case 1:
      return post('/auth/login', { [login.includes('@') ? 'email' : 'username']: login, password });
    case 2:
      return post('/auth/login', form);
    default:
      return post('/auth/token', form);
  }
}

/** How many passwords were looked at. All others were told to wait, some by a server that has no room for so many at once. */
async function lookedAt(call: (index: number) => Promise<Answer>): Promise<number> {
  const statuses = (await atOnce(AT_ONCE, call)).map(({ status }) => status);
  assert.deepEqual(
    statuses.filter((status) => ![401, 429, 503].includes(status)),
    [],
  );
  return statuses.filter((status) => status === 401).length;
}

for (const { name, emptyUrl } of testDatabases()) {
  // SQLite is for one process.
  const instances = name === 'sqlite' ? 1 : 2;
  for (const shares of [false, true]) {
    test(`${AT_ONCE} guesses at once at ${instances} processes ${shares ? 'with' : 'without'} Redis, by every route and spelling (${name})`, {
      timeout: TEST_LIMIT,
      skip: shares && !hasOwnRedis(),
    }, async () => {
      const { url, drop } = await emptyUrl();
      const rush = (redis: { url: string; flush(): Promise<void> } | null) =>
        withServers(async (dir, start) => {
          const more = { RATE_LIMITS: 'on', TRUSTED_PROXIES: '127.0.0.0/8', ...(redis && { REDIS_URL: redis.url }) };
          const env = serverEnv(dir, url, more);
          const create = ['user', 'create', '--email', OWNER.email, '--username', OWNER.username];
          const made = await ostiary(create, { env: { ...env, OSTIARY_PASSWORD: PASSWORD }, dir });
          assert.equal(made.code, 0, made.stderr);
          const servers: ServerProcess[] = [];
          for (let i = 0; i < instances; i++) servers.push(await start({ env, dir }));
          const post = postTo(servers);
          const known = await post('/auth/login', { login: OWNER.email, password: PASSWORD, tokenTransport: 'body' });
          assert.equal(known.status, 200);
          const { accessToken, deviceToken } = known.body;

          const strangers = () => lookedAt((index) => guessAsStranger(post, index));
          assert.equal(await strangers(), 2 * 5);
          await redis?.flush();
          assert.equal(await strangers(), 0);

          const onDevice = (index: number) =>
            post('/auth/login', { login: spelling(index), password: `guess ${index}`, deviceToken });
          assert.equal(await lookedAt(onDevice), 5);

          const inSession = (index: number) =>
            index % 2 === 0
              ? post('/auth/reauthenticate', { password: `guess ${index}` }, accessToken)
              : post('/auth/change-password', { currentPassword: 'guess', newPassword: `guess ${index}` }, accessToken);
          assert.equal(await lookedAt(inSession), 5);
        });
      try {
        await (shares ? withOwnRedis(rush) : rush(null));
      } finally {
        await drop();
      }
    });
  }
}
