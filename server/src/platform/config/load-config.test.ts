import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { directory, faulty, PRODUCTION, refused, STRONG_KEY } from './config.testing.ts';
import { loadConfig } from './load-config.ts';
import type { Environment } from './read-sources.ts';
import { variableEntries } from './variables.ts';

const load = (t: TestContext, env: Environment) =>
  loadConfig({ env: { ENVIRONMENT: 'test', SECRET_KEY: STRONG_KEY, ...env }, cwd: directory(t) }).config;

test('without any variable it is a development server on this machine', (t) => {
  const cwd = directory(t);
  const { config, warnings } = loadConfig({ env: {}, cwd });
  const dataDir = join(cwd, 'data');
  assert.deepEqual(warnings, []);
  assert.ok(Buffer.byteLength(config.secretKeys.current) >= 32);
  assert.deepEqual(config, {
    environment: 'development',
    host: '127.0.0.1',
    port: 8000,
    publicUrl: 'http://localhost:8000',
    pagesUrl: 'http://localhost:8000',
    dataDir,
    configFile: null,
    database: {
      url: `sqlite:${dataDir}/ostiary.sqlite`,
      ca: null,
      pooler: 'auto',
      poolSize: 10,
      replicaUrls: [],
      storeUrls: [],
    },
    s3: null,
    redisUrl: null,
    redisCa: null,
    role: 'all',
    workers: 1,
    shutdownDelay: 0,
    secretKeys: { current: config.secretKeys.current, previous: null },
    emailVerification: 'required',
    emailSignIn: { mode: 'off', elsewhere: 'refuse' },
    registration: 'open',
    reservedUsernames: [],
    mail: { smtpUrl: null, smtpCa: null, ehloName: 'localhost', from: 'Ostiary <no-reply@localhost>', dkim: null },
    http: {
      corsOrigins: [],
      corsHeaders: [],
      trustedHosts: [],
      trustedProxies: [],
      proxyPath: 'removed',
      bodyLimit: 256 * 1024,
      requestTimeout: 15_000,
      docs: true,
    },
    tokens: {
      algorithm: 'EdDSA',
      accessTtl: 900_000,
      refreshIdleTtl: 30 * 86_400_000,
      refreshAbsoluteTtl: 90 * 86_400_000,
      refreshBinding: 'browser',
      sessionLimit: 100,
    },
    passwords: { minLength: 8, breachPath: null, argon2Memory: 19_456, argon2Passes: 2 },
    passkeys: { rpId: 'localhost', origins: ['http://localhost:8000'] },
    keyRotation: 30 * 86_400_000,
    eventRetention: 400 * 86_400_000,
    apiKeys: { enabled: false, maxTtl: 366 * 86_400_000 },
    emailMoveDelay: 86_400_000,
    mfa: {
      required: 'roles',
      grace: 7 * 86_400_000,
      trustTtl: 30 * 86_400_000,
      resetDelay: 86_400_000,
      selfRecovery: 'delayed',
    },
    proofOfWork: false,
    rateLimits: { enabled: true, default: { points: 100, duration: 60 } },
    log: { level: 'info', format: 'text', file: null, slowRequest: 1000, slowQuery: 200 },
  });
});

test('production has defaults of its own, and none that are not safe there', (t) => {
  const { config, warnings } = loadConfig({ env: PRODUCTION, cwd: directory(t) });
  assert.deepEqual(warnings, []);
  assert.equal(config.host, '0.0.0.0');
  assert.equal(config.http.docs, false);
  assert.equal(config.log.format, 'json');
});

test('the environment wins over .env, also with an empty value, which counts as not set', (t) => {
  const cwd = directory(
    t,
    '\uFEFFPORT=9000\r\nLOG_LEVEL="warn"\r\nSESSION_LIMIT=7\r\nexport REGISTRATION=closed # all\r\n',
  );
  const { config } = loadConfig({
    env: { SECRET_KEY: STRONG_KEY, LOG_LEVEL: 'error', SESSION_LIMIT: '', PORT: undefined },
    cwd,
  });
  assert.equal(config.port, 9000);
  assert.equal(config.log.level, 'error');
  assert.equal(config.tokens.sessionLimit, 100);
  assert.equal(config.registration, 'closed');
});

test('quotes, comments and placeholders that docker --env-file and the like pass on are hinted at, in every variable', (t) => {
  const cwd = directory(t);
  for (const [name] of variableEntries()) {
    if (name === 'SECRET_KEY_PREVIOUS') continue;
    for (const value of [`"${STRONG_KEY}"`, `'${STRONG_KEY}'`, `“${STRONG_KEY}”`, `\`${STRONG_KEY}\``]) {
      const { faults } = refused({ SECRET_KEY: STRONG_KEY, [name]: value }, cwd);
      const [fault] = faults.filter((one) => one.name === name);
      assert.match(fault?.problem ?? '', /has quotes around it, .*docker --env-file/, name);
    }
    for (const value of [`postgres://u:$\{DB_PASSWORD}@h/d`, `$\{KEY:-a default}`, '$(SECRET)']) {
      assert.match(refused({ [name]: value }, cwd).message, new RegExp(`${name} has \\$\\{NAME\\}`), name);
    }
  }
  assert.match(refused({ DATA_DIR: './data # here' }, cwd).message, /DATA_DIR has a comment after it/);
  const sender = '"Doe, J." <j@example.com>';
  assert.equal(loadConfig({ env: { MAIL_FROM: sender, DATA_DIR: './d#1' }, cwd }).config.mail.from, sender);
});

test('a key that is in use with its quotes goes on as the previous one', (t) => {
  const cwd = directory(t);
  assert.match(refused({ SECRET_KEY: `"${STRONG_KEY}"` }, cwd).message, /Remove the quotes\..*SECRET_KEY_PREVIOUS/);
  const env = { SECRET_KEY: STRONG_KEY, SECRET_KEY_PREVIOUS: `"${STRONG_KEY}"` };
  assert.deepEqual(loadConfig({ env, cwd }).config.secretKeys, { current: STRONG_KEY, previous: `"${STRONG_KEY}"` });
});

test('a .env that cannot be read is a fault', (t) => {
  const cwd = directory(t);
  mkdirSync(join(cwd, '.env'));
  assert.deepEqual(faulty({}, cwd), ['.env']);
});

test('every secret may come from a file, whose content is trimmed', (t) => {
  const cwd = directory(t);
  const secrets = {
    DATABASE_URL: 'postgres://u:p@127.0.0.1/ostiary',
    SECRET_KEY: STRONG_KEY,
    SECRET_KEY_PREVIOUS: STRONG_KEY.toLowerCase(),
    SMTP_URL: 'smtps://u:p@mail.example.com',
  };
  for (const [name, value] of Object.entries(secrets)) writeFileSync(join(cwd, name), `\n ${value}\n`);
  const env = Object.fromEntries(Object.keys(secrets).map((name) => [`${name}_FILE`, `./${name}`]));
  const { config, warnings } = loadConfig({ env, cwd });
  assert.equal(config.database.url, secrets.DATABASE_URL);
  assert.deepEqual(config.secretKeys, { current: secrets.SECRET_KEY, previous: secrets.SECRET_KEY_PREVIOUS });
  assert.equal(config.mail.smtpUrl, secrets.SMTP_URL);
  assert.deepEqual(warnings, []);
});

test('a secret given twice, or by a file that is missing, empty, binary, too long or a directory, is one fault', (t) => {
  const cwd = directory(t, `SECRET_KEY=${STRONG_KEY}`);
  writeFileSync(join(cwd, 'good'), STRONG_KEY);
  writeFileSync(join(cwd, 'empty'), ' \n');
  writeFileSync(join(cwd, 'binary'), Buffer.alloc(40, 0xff));
  writeFileSync(join(cwd, 'long'), 'x'.repeat(70_000));
  assert.match(refused({ SECRET_KEY_FILE: 'good' }, cwd).message, /SECRET_KEY_FILE is given together with SECRET_KEY/);
  for (const [file, problem] of Object.entries({
    absent: /ENOENT/,
    empty: /empty/,
    binary: /not text in UTF-8/,
    long: /too long/,
    '.': /EISDIR/,
  })) {
    const error = refused({ ...PRODUCTION, SMTP_URL: undefined, SMTP_URL_FILE: file }, cwd);
    assert.deepEqual(
      error.faults.map(({ name }) => name),
      ['SMTP_URL_FILE'],
    );
    assert.match(error.message, problem);
  }
});

test('all faults are reported together, each with its fix, and nothing is written', (t) => {
  const cwd = directory(t);
  const bad = {
    ENVIRONMENT: 'prod',
    HOST: 'http://x',
    PORT: '65536',
    PUBLIC_URL: 'auth.example.com',
    DATABASE_URL: 'oracle://x',
    DATABASE_CA: 'db.pem',
    DATABASE_POOLER: 'session',
    DATABASE_POOL_SIZE: '0',
    DATABASE_REPLICA_URLS: 'postgres://a/d,oracle://b/d',
    REDIS_CA: 'redis.pem',
    WORKERS: 'many',
    SHUTDOWN_DELAY: '11m',
    SECRET_KEY: 'short',
    SECRET_KEY_PREVIOUS: 'short',
    EMAIL_VERIFICATION: 'yes',
    REGISTRATION: 'anyone',
    RESERVED_USERNAMES: 'acme,ann@example.com',
    SMTP_URL: 'mail.example.com:25',
    SMTP_CA: 'mail.pem',
    MAIL_FROM: 'a@b, c@d',
    MAIL_DKIM_DOMAIN: 'https://example.com',
    CORS_ORIGINS: 'https://a.example/path',
    TRUSTED_HOSTS: 'https://example.com',
    TRUSTED_PROXIES: 'true',
    BODY_LIMIT: '1000',
    REQUEST_TIMEOUT: '15',
    DOCS: 'maybe',
    SIGNING_ALGORITHM: 'HS256',
    KEY_ROTATION_DAYS: '0',
    ACCESS_TOKEN_TTL: '15 m',
    REFRESH_IDLE_TTL: '401d',
    REFRESH_ABSOLUTE_TTL: '-1d',
    SESSION_LIMIT: '1e3',
    PASSWORD_MIN_LENGTH: '7',
    PASSWORD_BREACH_FILE: 'pwned.txt',
    ARGON2_MEMORY: '7mb',
    ARGON2_PASSES: '0',
    PROOF_OF_WORK: 'sometimes',
    RATE_LIMITS: '100',
    RATE_LIMIT_DEFAULT: '100',
    LOG_LEVEL: 'verbose',
    LOG_FORMAT: 'xml',
    LOG_SLOW_REQUEST: '1w',
    LOG_SLOW_QUERY: '0.2s',
  };
  const error = refused(bad, cwd);
  assert.deepEqual(
    error.faults.map(({ name }) => name),
    Object.keys(bad),
  );
  assert.equal(error.name, 'ConfigError');
  assert.match(error.message, /has 44 faults/);
  const lines = error.message.split('\n');
  for (const { name, problem, fix } of error.faults) {
    const at = lines.indexOf(`  ${name} ${problem}.`);
    assert.ok(at > 0, name);
    assert.equal(lines[at + 1], `    ${fix}`);
  }
  assert.equal(existsSync(join(cwd, 'data')), false);
});

test('a fault makes no second one of the defaults that build on it', (t) => {
  assert.deepEqual(faulty({ PORT: 'x' }, directory(t)), ['PORT']);
  assert.deepEqual(faulty({ PUBLIC_URL: 'x' }, directory(t)), ['PUBLIC_URL']);
});

test('no message holds the value of any variable, since it may be a secret in the wrong place', (t) => {
  const cwd = directory(t, 'MIIEvHushHush==\nHushHushHush=1\n');
  writeFileSync(join(cwd, 'HushHush'), `${'HushHush'.repeat(9)}\nHushHush`);
  const names = variableEntries().map(([name]) => name);
  const values = [
    'HushHush',
    'HushHush '.repeat(5),
    'postgres://HushHush:HushHush@HushHush.example:99999/HushHush?HushHush#HushHush',
    'mysql://HushHush:%ZZHushHush@h/d',
    'mongodb://HushHush:HushHush/@a,b',
    'https://HushHush:HushHush@example.com',
    'https://example.com/?HushHush',
    '*,HushHush/1,HushHush',
  ];
  for (const value of values) {
    for (const name of names) {
      for (const base of [PRODUCTION, { SECRET_KEY: STRONG_KEY }]) {
        for (const variable of [name, `${name}_FILE`, `${name}S`]) {
          let told: string;
          try {
            told = loadConfig({ env: { ...base, [variable]: value }, cwd }).warnings.join('\n');
          } catch (error) {
            told = `${error instanceof Error ? error.message : ''}\n${JSON.stringify(error)}`;
          }
          assert.doesNotMatch(told, /hush/i, `${variable}=${value}`);
        }
      }
    }
  }
});

const accepted: [string, string, (config: ReturnType<typeof load>) => unknown, unknown][] = [
  ['PORT', '0', (c) => c.port, 0],
  ['HOST', '::1', (c) => c.host, '::1'],
  ['PUBLIC_URL', 'HTTPS://Auth.Example.com:443/base//', (c) => c.publicUrl, 'https://auth.example.com/base'],
  ['PUBLIC_URL', 'http://localhost:8000/', (c) => c.publicUrl, 'http://localhost:8000'],
  ['PUBLIC_URL', 'https://Auth.Example.com/base/', (c) => c.pagesUrl, 'https://auth.example.com/base'],
  ['PAGES_URL', 'https://App.Example.com/account/', (c) => c.pagesUrl, 'https://app.example.com/account'],
  ['DATABASE_URL', 'postgresql://u:p@h/d?ssl=true', (c) => c.database.url, 'postgres://u:p@h/d?ssl=true'],
  ['DATABASE_URL', 'mariadb://u:p%40@h:3306/d', (c) => c.database.url, 'mysql://u:p%40@h:3306/d'],
  [
    'DATABASE_URL',
    'mongodb://u:p@a:1,b:2/d?replicaSet=r',
    (c) => c.database.url,
    'mongodb://u:p@a:1,b:2/d?replicaSet=r',
  ],
  ['DATABASE_URL', 'mongodb+srv://u:p@c.example/d', (c) => c.database.url, 'mongodb+srv://u:p@c.example/d'],
  ['DATABASE_URL', 'postgres://h/d?host=/run/postgresql', (c) => c.database.url, 'postgres://h/d?host=/run/postgresql'],
  ['DATABASE_URL', 'postgres:///d?host=/run/pg', (c) => c.database.url, 'postgres:///d?host=/run/pg'],
  ['DATABASE_URL', 'postgres://h/d?ssl=require', (c) => c.database.url, 'postgres://h/d?ssl=require'],
  ['DATABASE_URL', 'sqlite:/var/a%20%25b.db', (c) => c.database.url, 'sqlite:/var/a %25b.db'],
  ['DATABASE_URL', 'sqlite::memory:', (c) => c.database.url, 'sqlite::memory:'],
  ['DATABASE_URL', 'sqlite:///var/x.db', (c) => c.database.url, 'sqlite:/var/x.db'],
  ['WORKERS', 'auto', (c) => c.workers, 1],
  ['SHUTDOWN_DELAY', '15s', (c) => c.shutdownDelay, 15_000],
  ['RESERVED_USERNAMES', 'Acme, -team,süd_2', (c) => c.reservedUsernames, ['Acme', '-team', 'süd_2']],
  ['MAIL_FROM', '"Doe, J." <j@example.com>', (c) => c.mail.from, '"Doe, J." <j@example.com>'],
  ['MAIL_FROM', 'j@example.com', (c) => c.mail.from, 'j@example.com'],
  [
    'CORS_ORIGINS',
    'https://A.example:443, http://b:81,https://a.example',
    (c) => c.http.corsOrigins,
    ['https://a.example', 'http://b:81'],
  ],
  ['CORS_HEADERS', 'X-Tenant, x-app_version', (c) => c.http.corsHeaders, ['X-Tenant', 'x-app_version']],
  ['CORS_ORIGINS', 'capacitor://localhost', (c) => c.http.corsOrigins, ['capacitor://localhost']],
  ['TRUSTED_HOSTS', 'Localhost,[::1],*.a.example', (c) => c.http.trustedHosts, ['localhost', '[::1]', '*.a.example']],
  [
    'TRUSTED_PROXIES',
    '10.0.0.0/8,192.0.2.7,fc00::/7,::1',
    (c) => c.http.trustedProxies,
    ['10.0.0.0/8', '192.0.2.7', 'fc00::/7', '::1'],
  ],
  ['BODY_LIMIT', '1MB', (c) => c.http.bodyLimit, 1_048_576],
  ['ACCESS_TOKEN_TTL', '12h', (c) => c.tokens.accessTtl, 43_200_000],
  ['SIGNING_ALGORITHM', 'es256', (c) => c.tokens.algorithm, 'ES256'],
  ['SIGNING_ALGORITHM', 'RS256', (c) => c.tokens.algorithm, 'RS256'],
  ['MFA_REQUIRED', 'all', (c) => c.mfa.required, 'all'],
  ['MFA_GRACE', '0', (c) => c.mfa.grace, 0],
  ['MFA_TRUST_TTL', '0s', (c) => c.mfa.trustTtl, 0],
  ['MFA_RESET_DELAY', '2h', (c) => c.mfa.resetDelay, 2 * 3_600_000],
  ['MFA_SELF_RECOVERY', 'off', (c) => c.mfa.selfRecovery, 'off'],
  ['EMAIL_MOVE_DELAY', '12h', (c) => c.emailMoveDelay, 12 * 3_600_000],
  ['KEY_ROTATION_DAYS', '90', (c) => c.keyRotation, 90 * 86_400_000],
  ['ARGON2_MEMORY', '8192kb', (c) => c.passwords.argon2Memory, 8192],
  ['PASSWORD_MIN_LENGTH', '128', (c) => c.passwords.minLength, 128],
  ['PROOF_OF_WORK', 'on', (c) => c.proofOfWork, true],
  ['RATE_LIMITS', 'off', (c) => c.rateLimits.enabled, false],
  ['RATE_LIMIT_DEFAULT', '3000/1h', (c) => c.rateLimits.default, { points: 3000, duration: 3600 }],
  ['LOG_SLOW_QUERY', '500ms', (c) => c.log.slowQuery, 500],
];

for (const [name, text, read, value] of accepted) {
  test(`${name}=${text} is read`, (t) => assert.deepEqual(read(load(t, { [name]: text })), value));
}

test('replicas are of the kind of the database, each written as that is', (t) => {
  const urlsOf = (url: string, replicas: string) =>
    load(t, { DATABASE_URL: url, DATABASE_REPLICA_URLS: replicas }).database.replicaUrls;
  assert.deepEqual(urlsOf('postgres://p/d', 'postgresql://u:p%2C@a/d, postgres://b/d,postgres://b/d'), [
    'postgres://u:p%2C@a/d',
    'postgres://b/d',
  ]);
  assert.deepEqual(urlsOf('mariadb://p/d', 'mysql://a/d'), ['mysql://a/d']);
  const member = 'mongodb://a/d?directConnection=true';
  assert.deepEqual(urlsOf('mongodb+srv://c.example/d', member), [member]);
  for (const [url, replica] of [
    ['postgres://p/d', 'mysql://a/d'],
    ['mysql://p/d', member],
    ['sqlite:x.db', 'postgres://a/d'],
  ] as const) {
    const env = { SECRET_KEY: STRONG_KEY, DATABASE_URL: url, DATABASE_REPLICA_URLS: `${url},${replica}` };
    assert.deepEqual(faulty(env, directory(t)), ['DATABASE_REPLICA_URLS']);
  }
});

const rejected: Record<string, string[]> = {
  PORT: ['-1', '80.5', '0x50'],
  HOST: ['localhost:80', 'a b', '[::1]'],
  PUBLIC_URL: [
    'ftp://a',
    'https://u@a',
    'https://u:p@a',
    'https://a?x',
    'https://a/#x',
    'https://a/?',
    'https:a',
    'https://',
    'https://a b',
  ],
  DATABASE_URL: [
    'constructor://h/d',
    'sqlite:',
    'sqlite://host/x',
    'sqlite:x?mode=ro',
    'mysql:x',
    'postgres://h:99999/d',
    'postgres://u:a/b@h/d',
    'mysql://u:a#b@h/d',
    'postgres://u:%zz@h/d',
    'mongodb:///d',
    'postgres:///d',
    'postgres://h/d?ssl=maybe',
    'postgres://h/d?shema=x',
    'mysql://h/d?ssl-mode=REQUIRD',
    'postgres://a,b/d',
    'mongodb://h/?directConnection=true',
    'mysql://h',
    'mongodb://a,,b/d',
  ],
  DATABASE_REPLICA_URLS: [
    'sqlite:./replica.db',
    'postgres://h/d',
    'postgres://h',
    ',',
    'mongodb://h/d',
    'mongodb://a,b/d?directConnection=true',
    'mongodb+srv://c.example/d?directConnection=true',
  ],
  WORKERS: ['0', '257', '2.5', '2'],
  SMTP_URL: ['http://mail', 'smtp://', 'smtp:mail', 'smtp://mail?secure=true', 'smtp://u@mail', 'smtp://mail/x'],
  DATABASE_CA: ['/etc/ssl/db.pem'],
  SMTP_CA: ['/etc/ssl/mail.pem', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'],
  MAIL_DKIM_DOMAIN: ['-a.example', 'a@b.example', '192.0.2.1', 'bücher.example', '.example'],
  MAIL_FROM: [
    'nobody',
    'a@b c@d',
    'Group: a@b;',
    'A <a@b',
    'a@b\r\nBcc: c@d',
    '<>',
    '"A <a@b>',
    'A, B <a@b>',
    'A <a@b> B',
  ],
  CORS_HEADERS: ['*', 'X-*', 'X Tenant', 'X-Tenant:', 'x-a;x-b', 'X-Tenant,', 'x-\u00e9'],
  CORS_ORIGINS: [
    'https://a/',
    'https://*.a.example',
    'null',
    'a.example',
    'https://u@a',
    'https://a,,https://b',
    'https://a:99999',
  ],
  TRUSTED_HOSTS: ['https://a', 'a:80', '*', 'a.*', 'a/b'],
  TRUSTED_PROXIES: [
    '10.0.0.0/33',
    '::1/129',
    '10.0.0/8',
    '010.0.0.1',
    'localhost',
    '1',
    '10.0.0.0/',
    'fe80::1%eth0',
    '::ffff:10.0.0.0/104',
    '::/64',
  ],
  RATE_LIMIT_DEFAULT: ['0/1m', '10/1ms', '10/1500ms', '10/2d', '10/m'],
  ARGON2_MEMORY: ['19456', '5gb'],
  PASSWORD_MIN_LENGTH: ['129'],
};

for (const [name, texts] of Object.entries(rejected)) {
  for (const text of texts) {
    test(`${name}=${JSON.stringify(text)} is refused`, (t) => {
      assert.deepEqual(faulty({ SECRET_KEY: STRONG_KEY, [name]: text }, directory(t)), [name]);
    });
  }
}

test('proxies that could be anybody are refused with the reason', (t) => {
  for (const range of ['0.0.0.0/0', '::/0', '127.0.0.1,0.0.0.0/1', '2000::/3']) {
    assert.match(refused({ TRUSTED_PROXIES: range }, directory(t)).message, /TRUSTED_PROXIES .*forge their address/);
  }
});

test('a session outlives its access tokens, and its idle time fits into its whole life', (t) => {
  const lives = (access: string, idle: string, absolute: string) => ({
    SECRET_KEY: STRONG_KEY,
    ACCESS_TOKEN_TTL: access,
    REFRESH_IDLE_TTL: idle,
    REFRESH_ABSOLUTE_TTL: absolute,
  });
  assert.deepEqual(faulty(lives('1h', '1h', '1h'), directory(t)), ['ACCESS_TOKEN_TTL']);
  assert.deepEqual(faulty(lives('1h', '2h', '1h'), directory(t)), ['REFRESH_IDLE_TTL']);
  assert.equal(load(t, lives('59m', '1h', '1h')).tokens.refreshAbsoluteTtl, 3_600_000);
});

test('several processes need a database that takes them, and a log that is not one file', (t) => {
  const env = { SECRET_KEY: STRONG_KEY, DATABASE_URL: 'postgres://u:p@127.0.0.1/ostiary', WORKERS: '3' };
  assert.equal(load(t, env).workers, 3);
  assert.equal(load(t, { ...env, WORKERS: 'auto' }).workers, availableParallelism());
  for (const workers of ['2', 'auto']) {
    assert.deepEqual(faulty({ ...env, WORKERS: workers, LOG_FILE: 'x.log' }, directory(t)), ['LOG_FILE']);
  }
  const { message } = refused({ SECRET_KEY: STRONG_KEY, WORKERS: '2' }, directory(t));
  assert.match(message, /WORKERS is more than 1 on SQLite.*\n.*Set it to 1, or set DATABASE_URL/);
});

test('the previous key is another one', (t) => {
  assert.deepEqual(faulty({ SECRET_KEY: STRONG_KEY, SECRET_KEY_PREVIOUS: STRONG_KEY }, directory(t)), [
    'SECRET_KEY_PREVIOUS',
  ]);
});

test('the sender follows the host of PUBLIC_URL, unless that is an address', (t) => {
  assert.equal(
    load(t, { PUBLIC_URL: 'https://auth.example.com:8443' }).mail.from,
    'Ostiary <no-reply@auth.example.com>',
  );
  assert.equal(load(t, { PUBLIC_URL: 'http://[::1]:8000' }).mail.from, 'Ostiary <no-reply@localhost>');
  assert.equal(load(t, { PORT: '9000' }).publicUrl, 'http://localhost:9000');
});

test('paths start at the working directory', (t) => {
  const cwd = directory(t);
  const env = { SECRET_KEY: STRONG_KEY, DATA_DIR: 'd', DATABASE_URL: 'sqlite:./x.db', LOG_FILE: 'l/o.log' };
  const { config } = loadConfig({ env, cwd });
  assert.equal(config.dataDir, join(cwd, 'd'));
  assert.equal(config.database.url, `sqlite:${join(cwd, 'x.db')}`);
  assert.equal(config.log.file, join(cwd, 'l/o.log'));
});

test('DATA_DIR is made for its owner only, and only where something goes there', (t) => {
  const cwd = directory(t);
  loadConfig({ env: { SECRET_KEY: STRONG_KEY, DATABASE_URL: 'mysql://u:p@127.0.0.1/d' }, cwd });
  assert.equal(existsSync(join(cwd, 'data')), false);
  const { config } = loadConfig({ env: { SECRET_KEY: STRONG_KEY, DATA_DIR: 'deep/100%?/data' }, cwd });
  assert.equal(config.database.url, `sqlite:${cwd}/deep/100%25%3F/data/ostiary.sqlite`);
  assert.equal(statSync(join(cwd, 'deep/100%?/data')).mode & 0o777, 0o700);
  writeFileSync(join(cwd, 'file'), '');
  assert.deepEqual(faulty({ DATA_DIR: 'file' }, cwd), ['DATA_DIR']);
});
