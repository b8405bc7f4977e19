import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { AUTHORITY } from '../../../test/certificates.ts';
import { directory, faulty, PRODUCTION, refused, STRONG_KEY } from './config.testing.ts';
import { loadConfig } from './load-config.ts';
import type { Environment } from './read-sources.ts';
import { EXAMPLE_SECRET_KEY, weakness } from './secret-strength.ts';

const WEAK_KEYS = {
  repeated: 'a'.repeat(64),
  'a repeated piece': 'kV3mT9xQ2bN7wZ5r'.repeat(2),
  'a repeated piece, cut off': 'kV3mT9xQ2b'.repeat(4).slice(0, 35),
  'few characters': 'abacabadcabbacdabcadbacabdcabacdbb',
  alphabet: 'abcdefghijklmnopqrstuvwxyz0123456789',
  digits: '9876543210'.repeat(4),
  changeme: 'Change-Me-kV3mT9xQ2bN7wZ5rJ8pL4hD6gF',
  secret: 'my_SECRET_kV3mT9xQ2bN7wZ5rJ8pL4hD6gF',
  password: 'passw0rd-kV3mT9xQ2bN7wZ5rJ8pL4hD6gF1',
  'of .env.example': EXAMPLE_SECRET_KEY,
};

const refusals: [string, Environment, string][] = [
  ['no SECRET_KEY', { SECRET_KEY: undefined }, 'SECRET_KEY'],
  ['an empty SECRET_KEY', { SECRET_KEY: ' ' }, 'SECRET_KEY'],
  ['a SECRET_KEY of 31 bytes', { SECRET_KEY: STRONG_KEY.slice(1) }, 'SECRET_KEY'],
  ...Object.entries(WEAK_KEYS).map(([kind, key]): [string, Environment, string] => [
    `a weak SECRET_KEY: ${kind}`,
    { SECRET_KEY: key },
    'SECRET_KEY',
  ]),
  ['a weak SECRET_KEY_PREVIOUS', { SECRET_KEY_PREVIOUS: 'a'.repeat(32) }, 'SECRET_KEY_PREVIOUS'],
  ['no PUBLIC_URL', { PUBLIC_URL: undefined }, 'PUBLIC_URL'],
  ['PUBLIC_URL without TLS', { PUBLIC_URL: 'http://auth.example.com' }, 'PUBLIC_URL'],
  ['PAGES_URL without TLS', { PAGES_URL: 'http://app.example.com' }, 'PAGES_URL'],
  ['any origin', { CORS_ORIGINS: 'https://a.example,*' }, 'CORS_ORIGINS'],
  ['no mail server', { SMTP_URL: undefined }, 'SMTP_URL'],
  ['no sender', { MAIL_FROM: undefined }, 'MAIL_FROM'],
  ...[
    'postgres://postgres:postgres@db/ostiary',
    'postgres://app:POSTGRES@db/ostiary',
    'postgres://app@db/ostiary',
    'postgres://app:@10.0.0.5/ostiary',
    'postgres://db.example/ostiary',
    'postgres://app:postgres@localhost/ostiary?host=db.example',
    'postgres://app:Kf83hsQ@db.example/ostiary?password=postgres',
    'mysql://root:root@db/ostiary',
    'mariadb://root@db/ostiary',
    'mysql://shop:shop@db/ostiary',
    'mysql://shop:change%6De@db/ostiary',
    'mongodb://mongo/ostiary',
    'mongodb://127.0.0.1:1,other:2/ostiary',
    'mongodb+srv://admin:admin@cluster.example/ostiary',
  ].map((url): [string, Environment, string] => [`the database ${url}`, { DATABASE_URL: url }, 'DATABASE_URL']),
  ['a store that everybody can enter', { STORES_FILES_URL: 'mongodb://mongo/ostiary' }, 'STORES_FILES_URL'],
  [
    'a replica that everybody can enter',
    {
      DATABASE_URL: 'postgres://app:Kf83hsQ@db/ostiary',
      DATABASE_REPLICA_URLS: 'postgres://app:Kf83hsQ@a/ostiary,postgres://app:postgres@b/ostiary',
    },
    'DATABASE_REPLICA_URLS',
  ],
];

for (const [what, env, name] of refusals) {
  test(`production refuses ${what}`, (t) => assert.deepEqual(faulty({ ...PRODUCTION, ...env }, directory(t)), [name]));
}

test('production names everything that it misses at once, with a fix each', (t) => {
  const error = refused({ ENVIRONMENT: 'production' }, directory(t));
  assert.deepEqual(
    error.faults.map(({ name }) => name),
    ['PUBLIC_URL', 'SECRET_KEY', 'SMTP_URL', 'MAIL_FROM'],
  );
  for (const { fix } of error.faults) assert.match(fix, /^Set it to /);
});

test('production admits databases with a good password, on this machine, or with another proof', (t) => {
  for (const url of [
    'postgres://app:Kf83hsQ@db/ostiary',
    'postgres://postgres:postgres@localhost/ostiary',
    'postgres://postgres@127.0.0.1/ostiary',
    'postgres://h/ostiary?host=/run/postgresql',
    'postgres://app@db/ostiary?sslcert=/run/app.pem',
    'mysql://root:root@[::1]/ostiary',
    'mongodb://%2Frun%2Fmongodb.sock/ostiary',
    'mongodb://db/ostiary?authMechanism=MONGODB-X509',
    'sqlite:./x.db',
  ]) {
    const { config } = loadConfig({ env: { ...PRODUCTION, DATABASE_URL: url }, cwd: directory(t) });
    assert.equal(config.environment, 'production', url);
  }
});

test('an authority needs a connection with TLS, of databases and of Redis', (t) => {
  const cwd = directory(t);
  const ca = AUTHORITY.replaceAll('\n', '\\n');
  for (const DATABASE_URL of [
    'postgres://u:p@127.0.0.1/d?ssl=false',
    'mysql://127.0.0.1/d?ssl-mode=DISABLED',
    'mongodb://127.0.0.1/d?tls=false',
    'sqlite:x',
  ]) {
    assert.deepEqual(faulty({ DATABASE_URL, DATABASE_CA: ca }, cwd), ['DATABASE_CA'], DATABASE_URL);
  }
  const replicas = 'postgres://127.0.0.1/d,postgres://127.0.0.1:1/d?sslmode=disable';
  const DATABASE_URL = 'postgres://127.0.0.1/d';
  assert.deepEqual(faulty({ DATABASE_URL, DATABASE_REPLICA_URLS: replicas, DATABASE_CA: ca }, cwd), ['DATABASE_CA']);
  assert.deepEqual(faulty({ REDIS_URL: 'redis://127.0.0.1', REDIS_CA: ca }, cwd), ['REDIS_CA']);
  assert.deepEqual(faulty({ REDIS_CA: ca }, cwd), ['REDIS_CA']);
  const { config } = loadConfig({
    env: { DATABASE_URL, DATABASE_CA: ca, REDIS_URL: 'rediss://127.0.0.1', REDIS_CA: ca },
    cwd,
  });
  assert.deepEqual([config.database.ca, config.redisCa], [AUTHORITY, AUTHORITY]);
});

const BUCKET = {
  S3_ENDPOINT: 'https://s3.example.com',
  S3_BUCKET: 'ostiary-files',
  S3_ACCESS_KEY: 'AKIAEXAMPLE',
  S3_SECRET_KEY: 'secret/with+signs=',
};

test('a bucket needs all of its settings, or is a folder', (t) => {
  const cwd = directory(t);
  const { config } = loadConfig({ env: { ...BUCKET, S3_ADDRESSING: 'host', S3_SESSION_TOKEN: 'FwoG+/=' }, cwd });
  assert.deepEqual(config.s3, {
    endpoint: 'https://s3.example.com',
    publicEndpoint: 'https://s3.example.com',
    region: 'us-east-1',
    bucket: 'ostiary-files',
    accessKey: 'AKIAEXAMPLE',
    secretKey: 'secret/with+signs=',
    sessionToken: 'FwoG+/=',
    addressing: 'host',
    checksums: true,
  });
  assert.equal(loadConfig({ env: {}, cwd }).config.s3, null);
  for (const name of Object.keys(BUCKET)) assert.deepEqual(faulty({ ...BUCKET, [name]: '' }, cwd), [name]);
  for (const [name, value] of [
    ['S3_BUCKET', 'Upper'],
    ['S3_BUCKET', 'a/b'],
    ['S3_REGION', 'eu central'],
    ['S3_SECRET_KEY', 'two words'],
    ['S3_ADDRESSING', 'dns'],
    ['S3_ENDPOINT', 's3.example.com'],
  ] as const) {
    assert.deepEqual(faulty({ ...BUCKET, [name]: value }, cwd), [name], value);
  }
});

test('files never have the origin of this server, and their addresses in production TLS', (t) => {
  const cwd = directory(t);
  const same = { ...BUCKET, PUBLIC_URL: 'https://s3.example.com/auth' };
  assert.deepEqual(faulty(same, cwd), ['S3_ENDPOINT']);
  const behind = { ...BUCKET, S3_ENDPOINT: 'http://minio:9000', S3_PUBLIC_ENDPOINT: 'https://files.example.com' };
  assert.equal(
    loadConfig({ env: { ...PRODUCTION, ...behind }, cwd }).config.s3?.publicEndpoint,
    'https://files.example.com',
  );
  const its = { ...behind, S3_PUBLIC_ENDPOINT: PRODUCTION.PUBLIC_URL ?? '' };
  assert.deepEqual(faulty({ ...PRODUCTION, ...its }, cwd), ['S3_PUBLIC_ENDPOINT']);
  assert.deepEqual(faulty({ ...PRODUCTION, ...BUCKET, S3_ENDPOINT: 'http://minio:9000' }, cwd), ['S3_ENDPOINT']);
});

test('a wildcard in TRUSTED_HOSTS takes in the host of PUBLIC_URL', (t) => {
  const { warnings } = loadConfig({ env: { ...PRODUCTION, TRUSTED_HOSTS: '*.example.com' }, cwd: directory(t) });
  assert.deepEqual(warnings, []);
});

test('production allows the docs where they are asked for', (t) => {
  const { config, warnings } = loadConfig({ env: { ...PRODUCTION, DOCS: 'on' }, cwd: directory(t) });
  assert.equal(config.http.docs, true);
  assert.deepEqual(warnings, []);
});

const doubtful: [string, Environment][] = [
  ['EMAIL_VERIFICATION', { EMAIL_VERIFICATION: 'off' }],
  ['LOG_LEVEL', { LOG_LEVEL: 'debug' }],
  ['LOG_LEVEL', { LOG_LEVEL: 'trace' }],
  ['RATE_LIMITS', { RATE_LIMITS: 'off' }],
  ['ARGON2_MEMORY', { ARGON2_MEMORY: '8mb', ARGON2_PASSES: '1' }],
  ['TRUSTED_HOSTS', { TRUSTED_HOSTS: 'other.example.com' }],
];

for (const [name, env] of doubtful) {
  test(`production warns of ${JSON.stringify(env)}`, (t) => {
    const { warnings } = loadConfig({ env: { ...PRODUCTION, ...env }, cwd: directory(t) });
    assert.equal(warnings.length, 1);
    assert.ok(warnings[0]?.startsWith(name));
  });
}

test('elsewhere a weak key, a default password and any origin are allowed, the key with a warning', (t) => {
  const env = {
    SECRET_KEY: EXAMPLE_SECRET_KEY,
    DATABASE_URL: 'postgres://postgres:postgres@db/ostiary',
    CORS_ORIGINS: '*',
  };
  const { config, warnings } = loadConfig({ env, cwd: directory(t) });
  assert.deepEqual(config.http.corsOrigins, ['*']);
  assert.deepEqual(warnings, ['SECRET_KEY is the public one of .env.example; production refuses it.']);
});

test('random keys in the usual forms are not called weak', () => {
  for (let round = 0; round < 500; round += 1) {
    const bytes = randomBytes(32);
    for (const form of ['base64', 'base64url', 'hex'] as const) assert.equal(weakness(bytes.toString(form)), null);
    assert.equal(weakness(bytes.toString('hex').slice(0, 32)), null);
  }
});

test('the databases of stores have certificates, processes and names of their own', (t) => {
  const servers = { STORES_FILES_URL: 'postgres://app:Kf83hsQ@db/files', STORES_SITE_REPORTS_URL: 'mongodb://mongo/a' };
  const load = (env: Environment) =>
    loadConfig({ env: { ENVIRONMENT: 'test', SECRET_KEY: STRONG_KEY, ...env }, cwd: directory(t) }).config;
  const { database } = load({ ...servers, DATABASE_CA: AUTHORITY });
  assert.deepEqual(
    database.storeUrls.map(({ variable, name }) => [variable, name]),
    [
      ['STORES_FILES_URL', 'FILES'],
      ['STORES_SITE_REPORTS_URL', 'SITE_REPORTS'],
    ],
  );
  assert.throws(() => load({ DATABASE_CA: AUTHORITY, STORES_FILES_URL: 'sqlite:./files' }), /DATABASE_CA is set/);
  const off = 'postgres://app:Kf83hsQ@db/files?sslmode=disable';
  assert.throws(() => load({ DATABASE_CA: AUTHORITY, STORES_FILES_URL: off }), /DATABASE_CA is set/);
  assert.equal(load({ WORKERS: 'auto', STORES_FILES_URL: 'sqlite:./files' }).workers, 1);
  assert.throws(() => load({ STORES_FILES_URL_FILE: './none' }), /STORES_FILES_URL_FILE names a file/);
  assert.throws(() => load({ STORES_FILES_URL: '"sqlite:./files"' }), /STORES_FILES_URL has quotes/);
});
