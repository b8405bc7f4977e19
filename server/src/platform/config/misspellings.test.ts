import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { directory, STRONG_KEY } from './config.testing.ts';
import { loadConfig } from './load-config.ts';
import type { Environment } from './read-sources.ts';
import { LATER_VARIABLES } from './variables.ts';

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

for (const [name, likely] of meant) {
  test(`${name} is taken for ${likely}, in the environment and in .env`, (t) => {
    const expected = [`${name} is not a variable of Ostiary. Did you mean ${likely}?`];
    assert.deepEqual(warned(t, { [name]: 'x' }), expected);
    assert.deepEqual(warned(t, {}, `${name}=x\n`), expected);
  });
}

test('the names of other programs are hinted at in the environment only while ours is not set', (t) => {
  const cwd = directory(t);
  const missing = loadConfig({ env: { JWT_SECRET: 'x' }, cwd }).warnings;
  assert.deepEqual(missing, ['JWT_SECRET is not a variable of Ostiary. Did you mean SECRET_KEY?']);
  assert.deepEqual(warned(t, { JWT_SECRET: 'x' }), []);
  assert.equal(warned(t, {}, 'JWT_SECRET=x').length, 1);
});

test('NODE_ENV=production without ENVIRONMENT is hinted at, other values of it are usual', (t) => {
  const cwd = directory(t);
  assert.equal(loadConfig({ env: { NODE_ENV: 'development' }, cwd }).warnings.length, 0);
  assert.deepEqual(loadConfig({ env: { NODE_ENV: 'production' }, cwd }).warnings, [
    'NODE_ENV is not a variable of Ostiary. Did you mean ENVIRONMENT?',
  ]);
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

test('what looks like a piece of a key is not repeated', (t) => {
  const [warning, ...more] = warned(t, {}, 'MIIEvQIBADANBgkq==\n');
  assert.deepEqual(more, []);
  assert.match(warning ?? '', /^A line of \.env is not NAME=value/);
});

test('only secrets come from files, and a file for anything else is warned of', (t) => {
  assert.deepEqual(warned(t, { PORT_FILE: 'x' }), [
    'PORT_FILE is not used: only secrets and certificates may come from a file. Set PORT.',
  ]);
});

for (const name of LATER_VARIABLES) {
  test(`${name} is not used by this version, and says so`, (t) => {
    assert.deepEqual(warned(t, { [name]: 'x' }), [`${name} is not used by this version.`]);
    assert.deepEqual(warned(t, {}, `${name}=x`), [`${name} is not used by this version.`]);
    assert.deepEqual(warned(t, { [name]: '' }), []);
  });
}
