import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { directory, refused, STRONG_KEY } from './config.testing.ts';
import { loadConfig } from './load-config.ts';
import type { Environment } from './read-sources.ts';

function warned(t: TestContext, env: Environment, dotenv?: string): string[] {
  return loadConfig({ env: { ENVIRONMENT: 'test', SECRET_KEY: STRONG_KEY, ...env }, cwd: directory(t, dotenv) })
    .warnings;
}

const meant: [string, string][] = [
  ['DATABSE_URL', 'DATABASE_URL'],
  ['DATABASEURL', 'DATABASE_URL'],
  ['database_url', 'DATABASE_URL'],
  ['OSTIARY_DATABASE_URL', 'DATABASE_URL'],
  ['DATABASE_URI', 'DATABASE_URL'],
  ['DB_URL', 'DATABASE_URL'],
  ['PUBLIC_ULR', 'PUBLIC_URL'],
  ['SMTP_HOST', 'SMTP_URL'],
  ['SMTP_URL_FIEL', 'SMTP_URL_FILE'],
  ['CORS_ORIGIN', 'CORS_ORIGINS'],
  ['ALLOWED_HOSTS', 'TRUSTED_HOSTS'],
  ['LOGLEVEL', 'LOG_LEVEL'],
  ['PROT', 'PORT'],
  ['TRUSTED_PROXY', 'TRUSTED_PROXIES'],
  ['REDIS_ULR', 'REDIS_URL'],
];

/** What these sources are refused for. */
function refusedFor(t: TestContext, env: Environment, dotenv?: string): string {
  return refused({ ENVIRONMENT: 'test', SECRET_KEY: STRONG_KEY, ...env }, directory(t, dotenv)).message;
}

for (const [name, likely] of meant) {
  test(`${name} is taken for ${likely}, and is not passed over in .env`, (t) => {
    const expected = `${name} is not a variable of Ostiary. Did you mean ${likely}?`;
    const fault = new RegExp(
      `has one fault:\n  ${name} is not a variable of Ostiary\\.\n    Did you mean ${likely}\\?`,
    );
    assert.match(refusedFor(t, {}, `${name}=x\n`), fault);
    // In the environment a name that is only similar, or of another program, may be meant for another program.
    const inEnvironment = ['DB_URL', 'SMTP_HOST', 'ALLOWED_HOSTS', 'TRUSTED_PROXY', 'PROT'];
    if (inEnvironment.includes(name)) assert.deepEqual(warned(t, { [name]: 'x' }), [expected]);
    else assert.match(refusedFor(t, { [name]: 'x' }), fault);
    // An empty value of ours says that the default is meant.
    const ours = likely.replace(/_FILE$/, '');
    if (ours === 'PORT') return;
    const warnings = warned(t, { [ours]: '', [name]: 'x' });
    assert.deepEqual(warnings, [expected]);
  });
}

test('the names of other programs are hinted at in the environment only while ours is not set', (t) => {
  const cwd = directory(t);
  const missing = loadConfig({ env: { JWT_SECRET: 'x' }, cwd }).warnings;
  assert.deepEqual(missing, ['JWT_SECRET is not a variable of Ostiary. Did you mean SECRET_KEY?']);
  assert.deepEqual(warned(t, { JWT_SECRET: 'x' }), []);
  assert.equal(warned(t, {}, 'JWT_SECRET=x').length, 1);
});

test('NODE_ENV=production without ENVIRONMENT never starts a development server', (t) => {
  const cwd = directory(t);
  assert.equal(loadConfig({ env: { NODE_ENV: 'development' }, cwd }).warnings.length, 0);
  assert.match(refused({ NODE_ENV: 'production' }, cwd).message, /NODE_ENV .*\n.*Did you mean ENVIRONMENT\?/);
  assert.match(refused({ APP_ENV: 'prod' }, cwd).message, /APP_ENV .*\n.*Did you mean ENVIRONMENT\?/);
  assert.deepEqual(loadConfig({ env: { NODE_ENV: 'production', ENVIRONMENT: 'development' }, cwd }).warnings, []);
});

test('a database that is named in other words is never passed over for SQLite', (t) => {
  for (const name of ['DB_URL', 'DATABASE_URI', 'POSTGRES_URL', 'MONGO_URI']) {
    assert.match(refusedFor(t, { [name]: 'postgresql://u:p@db/x' }), /Did you mean DATABASE_URL\?/);
  }
  // What Docker and Kubernetes set for a service `db`.
  assert.equal(warned(t, { DB_PORT: 'tcp://10.0.0.7:5432' }).length, 1);
});

test('a fault is told together with the doubts that may be its cause', (t) => {
  const { message, faults } = refused({ ENVIRONMENT: 'production', SMTP_HOST: 'x', TRUST_PROXY: '1' }, directory(t));
  assert.ok(faults.every(({ name }) => name !== 'SMTP_HOST'));
  for (const [theirs, ours] of [
    ['SMTP_HOST', 'SMTP_URL'],
    ['TRUST_PROXY', 'TRUSTED_PROXIES'],
  ]) {
    assert.match(message, new RegExp(`Besides:[^]*${theirs} is not a variable of Ostiary\\. Did you mean ${ours}\\?`));
  }
});

test('the usual variables of shells, containers and npm cause no false alarm', (t) => {
  const usual =
    'HOME HOSTNAME PATH PWD OLDPWD SHELL SHLVL USER LOGNAME TERM LANG LC_ALL TZ EDITOR PAGER DISPLAY MAIL MAILCHECK HOSTTYPE OSTYPE COLORTERM TMPDIR ' +
    'XDG_DATA_DIRS XDG_DATA_HOME XDG_RUNTIME_DIR SSH_CONNECTION SSH_CLIENT SUDO_USER INVOCATION_ID JOURNAL_STREAM PS1 IFS _ http_proxy NO_PROXY ' +
    'NODE_VERSION NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_TEST_CONTEXT npm_config_cache npm_package_name npm_lifecycle_event INIT_CWD COLOR ' +
    'CI GITHUB_ACTIONS GITHUB_TOKEN RUNNER_OS DEBIAN_FRONTEND SSL_CERT_DIR PGDATA PGHOST PGPORT AWS_REGION AWS_SECRET_ACCESS_KEY DOCKER_HOST ' +
    'KUBERNETES_SERVICE_HOST KUBERNETES_PORT OSTIARY_PORT OSTIARY_SERVICE_HOST YARN_VERSION PYTHONPATH JAVA_HOME GOPATH WSL_DISTRO_NAME';
  assert.deepEqual(warned(t, Object.fromEntries(usual.split(' ').map((name) => [name, 'x']))), []);
});

test('every unknown name in .env is warned of, also one that is usual elsewhere or empty', (t) => {
  assert.deepEqual(warned(t, {}, 'FLAVOUR=vanilla\nTZ=\n'), [
    'FLAVOUR in .env is not a variable of Ostiary.',
    'TZ in .env is not a variable of Ostiary.',
  ]);
});

test('only secrets come from files, and a file for anything else is refused, or warned of beside the variable', (t) => {
  const said = /PORT_FILE is not used: only secrets and certificates may come from a file\.\s+Set PORT\./;
  assert.match(refusedFor(t, { PORT_FILE: 'x' }), said);
  assert.match(warned(t, { PORT_FILE: 'x', PORT: '1' })[0] ?? '', said);
});
