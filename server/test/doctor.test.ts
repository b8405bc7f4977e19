import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { SMTPServer } from 'smtp-server';
import { ostiary, serverEnv, withServers } from './kill/server-process.ts';
import { withOwnRedis } from './own-redis.ts';

const PASSWORD = 'Xk7-mail-server-secret';
/** Nobody listens there. */
const NOWHERE = '127.0.0.1:9';

/** What `ostiary doctor` says with these settings, on a database that no server has seen yet. */
async function ask(more: Record<string, string | undefined>) {
  const said = { code: null as number | null, text: '' };
  await withServers(async (dir) => {
    const settings = Object.entries({ ...serverEnv(dir, `sqlite:${dir}/new.sqlite`), ...more });
    const env = Object.fromEntries(settings.filter((one): one is [string, string] => one[1] !== undefined));
    const { code, stdout, stderr } = await ostiary(['doctor'], { env, dir });
    Object.assign(said, { code, text: stdout + stderr });
  });
  return said;
}

async function withMailServer(run: (address: string, mails: () => number) => Promise<void>): Promise<void> {
  let mails = 0;
  const server = new SMTPServer({
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    onAuth: ({ username, password }, _session, callback) =>
      password === PASSWORD ? callback(null, { user: username }) : callback(new Error('no')),
    onMailFrom: (_address, _session, callback) => {
      mails += 1;
      callback();
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  try {
    await run(`127.0.0.1:${(server.server.address() as AddressInfo).port}`, () => mails);
  } finally {
    await new Promise<void>((resolve) => server.close(resolve));
  }
}

test('doctor signs in at the mail server, and sends nothing', () =>
  withMailServer(async (address, mails) => {
    const good = await ask({ SMTP_URL: `smtp://ostiary:${PASSWORD}@${address}` });
    assert.match(good.text, /^ok +mail +by SMTP$/m);
    assert.equal(good.code, 0, good.text);

    const wrong = await ask({ SMTP_URL: `smtp://ostiary:not-${PASSWORD}@${address}` });
    assert.match(wrong.text, /^wrong +mail +the server of SMTP_URL: .*EAUTH/m);
    assert.equal(wrong.code, 1);
    assert.doesNotMatch(wrong.text, new RegExp(PASSWORD));
    assert.equal(mails(), 0);
  }));

test('doctor tells every doubt of serve; a setting that is not read is wrong', async () => {
  const { code, text } = await ask({ SMTP_HOST: 'x', TRUST_PROXY: '1', LATER: 'x', TRUSTED_HOSTS: 'auth.example.com' });
  assert.match(text, /^wrong +settings +SMTP_HOST is not a variable of Ostiary\. Did you mean SMTP_URL\?$/m);
  assert.match(text, /^wrong +settings +TRUST_PROXY is not a variable of Ostiary\. Did you mean TRUSTED_PROXIES\?$/m);
  assert.match(text, /^note +settings +TRUSTED_HOSTS does not contain the host of PUBLIC_URL/m);
  assert.equal(code, 1);

  const production = await ask({ ENVIRONMENT: undefined, NODE_ENV: 'production', SMTP_HOST: 'x', TRUST_PROXY: '1' });
  assert.equal(production.code, 1);
  for (const name of ['NODE_ENV', 'SMTP_HOST', 'TRUST_PROXY'])
    assert.match(production.text, new RegExp(`${name} is not a variable`));
});

test('doctor tries what serve needs: the port, folders, and writes', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  try {
    const { port } = taken.address() as AddressInfo;
    const { code, text } = await ask({ HOST: '127.0.0.1', PORT: String(port) });
    assert.match(text, new RegExp(`^note +port +127\\.0\\.0\\.1:${port} is in use`, 'm'));
    assert.match(text, /^ok +writes +tables can be made$/m);
    assert.equal(code, 0, text);
  } finally {
    taken.close();
  }
  // An address of documentation (RFC 5737), which no machine has.
  const nowhere = await ask({ HOST: '192.0.2.1', LOG_FILE: '/dev/null/log' });
  assert.match(nowhere.text, /^wrong +port +192\.0\.2\.1:\d+ cannot be listened on \(EADDRNOTAVAIL\)$/m);
  assert.match(nowhere.text, /^wrong +files +\/dev\/null cannot be written \(ENOTDIR\)$/m);
  assert.equal(nowhere.code, 1);
});

test('doctor goes on where the database is away', async () => {
  const { code, text } = await ask({ DATABASE_URL: `postgres://u:p@${NOWHERE}/x`, SMTP_URL: `smtp://${NOWHERE}` });
  assert.match(text, /^wrong +database +PostgreSQL at 127\.0\.0\.1:9 refuses connections; is it running\?$/m);
  assert.match(text, /^ok +jobs /m);
  assert.match(text, /^wrong +mail /m);
  assert.equal(code, 1);
});

const redis = process.env.TEST_REDIS_URL;
if (redis) {
  test('doctor tells the eviction policy of Redis', async () => {
    await withOwnRedis(async (own) => {
      const good = await ask({ REDIS_URL: own.url });
      assert.match(good.text, /^ok +redis +eviction policy noeviction$/m);
      const client = new Redis(own.url);
      await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
      client.disconnect();
      const bad = await ask({ REDIS_URL: own.url });
      assert.match(bad.text, /^wrong +redis +eviction policy allkeys-lru: set maxmemory-policy to noeviction/m);
      assert.equal(bad.code, 1);
    });
    const wrong = await ask({ REDIS_URL: redis.replace(/:[^:@/]*@/, ':not-it@') });
    assert.match(wrong.text, /^wrong +jobs +the Redis of REDIS_URL cannot be used: .*WRONGPASS/m);
  });
}

test('doctor finds a mail server and a Redis that are not there, before the first start too', async () => {
  const { code, text } = await ask({
    SMTP_URL: `smtp://${NOWHERE}`,
    REDIS_URL: `redis://${NOWHERE}`,
  });
  assert.match(text, /^ok +migrations +0 applied/m);
  for (const what of ['mail', 'jobs']) assert.match(text, new RegExp(`^wrong +${what} `, 'm'), text);
  assert.equal(code, 1);
});

test('doctor notices a SECRET_KEY that was replaced since', () =>
  withServers(async (dir, start) => {
    const [former, present] = ['the former secret key, 0123456789 0', 'the present secret key, 0123456789 0'];
    const env = (more: Record<string, string>) => serverEnv(dir, `sqlite:${dir}/new.sqlite`, more);
    const change = { SECRET_KEY: present, SECRET_KEY_PREVIOUS: former };
    for (const keys of [{ SECRET_KEY: former }, change]) {
      await (await start({ env: env(keys), dir })).end('SIGTERM');
      assert.match((await ostiary(['doctor'], { env: env(keys), dir })).stdout, /^ok +secret key/m);
    }
    const { code, stdout } = await ostiary(['doctor'], { env: env({ SECRET_KEY: former }), dir });
    assert.match(stdout, /^wrong +secret key +[2-9] keys /m);
    assert.equal(code, 1);
  }));
