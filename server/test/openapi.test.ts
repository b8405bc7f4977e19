import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { errorTable } from '../src/errors.ts';
import { accessErrors } from '../src/modules/access/errors.ts';
import { openTestApp } from './app.ts';
import { testDatabases } from './databases.ts';
import * as read from './openapi-document.ts';
import { printedDocument } from './openapi-document.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Bytes of the document for each operation: what its routes say, and their share of the shapes and errors that they have in common. */
const LARGEST = 2_450;

type Json = Record<string, unknown>;
interface Operation extends Json {
  operationId: string;
  description: string;
  security: Json[];
  requestBody?: { content: Record<string, { schema: Json }> };
  responses: Record<string, Json>;
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Json; responses: Record<string, Json>; headers: Json; securitySchemes: Json };
  [member: string]: unknown;
}

let printed = '';
let document: Document;
before(async () => {
  printed = await printedDocument();
  document = JSON.parse(printed);
});

const resolve = (part: unknown) => read.resolve(document, part);
const codesOf = (response: unknown) => read.codesOf(document, response);
const partsOf = (schema: unknown) => read.propertiesOf(document, schema);

function operations(): { name: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ name: `${method.toUpperCase()}:${path}`, operation })),
  );
}

const operationOf = (name: string): Operation | undefined =>
  operations().find((each) => each.operation.operationId === name)?.operation;

/** Lints the document as JSON; answers what is found, empty where nothing is. */
async function lint(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ostiary-lint-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'openapi.json');
  await writeFile(file, text);
  const config = join(ROOT, 'server/tools/redocly.yaml');
  const cli = join(ROOT, 'node_modules/@redocly/cli/bin/cli.js');
  // It would tell its maker of the run, and ask for a newer version.
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', NO_COLOR: '1' };
  return promisify(execFile)(process.execPath, [cli, 'lint', file, '--config', config], { env, cwd: folder }).then(
    () => '',
    ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
  );
}

test('the command prints the same bytes whatever is configured, and few for each operation', async () => {
  const elsewhere = { ENVIRONMENT: 'development', DATABASE_URL: 'nonsense', RATE_LIMITS: 'off', PORT: '-1' };
  assert.equal(await printedDocument([], elsewhere), printed);
  const operations = Object.values(document.paths).flatMap(Object.values).length;
  const size = Buffer.byteLength(printed) / operations;
  assert.ok(size <= LARGEST, `${Math.ceil(size)} bytes for each of ${operations} operations`);
  assert.deepEqual(JSON.parse(await printedDocument(['--pretty'])), document);
  await assert.rejects(printedDocument(['--yaml']), /openapi takes nothing but --pretty/);
});

test('a server serves the same document, with what is there in development only beside it', async (t) => {
  const [sqlite] = testDatabases();
  assert.ok(sqlite);
  const fresh = await sqlite.freshUrl();
  const w = await openTestApp({ databaseUrl: fresh.url, env: { DOCS: 'on', RATE_LIMITS: 'on' } });
  t.after(async () => {
    await w.close();
    await fresh.drop();
  });
  const served: Document = (await w.app.http.inject('/openapi.json')).json();
  assert.deepEqual((await w.app.http.inject('/docs/json')).json(), served);
  assert.ok(served.paths['/api/v1/auth/token']?.post);
  const { '/api/v1/auth/token': _, ...paths } = served.paths;
  assert.deepEqual(Object.keys(paths), Object.keys(document.paths));
  const ofBoth = (schemas: Json) => Object.keys(document.components.schemas).map((name) => schemas[name]);
  assert.deepEqual(ofBoth(served.components.schemas), ofBoth(document.components.schemas));
  const listed = w.app.catalogue.list().map(({ code }) => code);
  const shown = operations().map(({ name }) => name);
  assert.deepEqual(
    shown.filter((name) => !listed.includes(name)),
    [],
  );
  const hidden = listed.filter((code) => !shown.includes(code) && code.includes('/api/'));
  assert.deepEqual(hidden, ['POST:/api/v1/auth/token', 'GET:/api/v1/ws']);
});

test('a route that answers with a code that it does not list fails its test', async (t) => {
  const [sqlite] = testDatabases();
  assert.ok(sqlite);
  const fresh = await sqlite.freshUrl();
  t.after(() => fresh.drop());
  const w = await openTestApp({
    databaseUrl: fresh.url,
    routes(app) {
      app.get('/api/v1/listed', { config: { access: 'public', errors: ['role_not_found'] } }, stray);
      app.get('/api/v1/stray', { config: { access: 'public', errors: ['role_built_in'] } }, stray);
    },
  });
  for (const path of ['/api/v1/listed', '/api/v1/stray'])
    assert.equal((await w.app.http.inject(path)).statusCode, 404, path);
  await assert.rejects(w.close(), ({ actual }: assert.AssertionError) => {
    assert.deepEqual(actual, ['GET:/api/v1/stray 404 role_not_found']);
    return true;
  });
});

async function stray(): Promise<never> {
  throw accessErrors.role_not_found();
}

test('a lint finds nothing, and would', async (t) => {
  assert.equal(await lint(t, printed), '');
  const { tags: _, ...untagged } = document;
  assert.match(await lint(t, JSON.stringify(untagged)), /operation-tag-defined/);
});

test('every operation has a name, a description and named shapes', () => {
  assert.ok(operations().length > 70);
  for (const { name, operation } of operations()) {
    // One that follows from method and path reads badly in a client.
    assert.match(operation.operationId, /^(?!(?:get|post|put|patch|delete)(?:Admin|Auth|Users[A-Z]))[a-z]\w+$/, name);
    const [prose = ''] = operation.description.split('\n\n');
    assert.doesNotMatch(prose, /^Needs /, name);
    for (const { schema } of Object.values(operation.requestBody?.content ?? {})) assert.ok(schema.$ref, name);
    for (const [status, response] of Object.entries(operation.responses)) {
      const { content = {} } = resolve(response) as { content?: Record<string, { schema: Json }> };
      for (const { schema } of Object.values(content)) {
        const parts = (schema.oneOf as Json[] | undefined) ?? [schema];
        for (const part of parts) assert.ok(part.$ref, `${name} ${status}`);
      }
    }
  }
});

test('every error code of the server is in it, as a shape of its own', () => {
  const unreached = new Set(['not_found', 'method_not_allowed', 'request_timeout', 'headers_too_large']);
  // No route of the product asks for a verified address, and OpenAPI cannot describe the WebSocket.
  const unseen = new Set(['email_unverified', 'upgrade_required']);
  const used = new Set(operations().flatMap(({ operation }) => Object.values(operation.responses).flatMap(codesOf)));
  for (const code of Object.keys(errorTable)) {
    if (unreached.has(code)) assert.ok(JSON.stringify(document.info).includes(`\`${code}\``), code);
    else assert.equal(used.has(code), !unseen.has(code), code);
  }
});

test('answers declare their header fields', () => {
  const fieldsOf = (response: unknown) => Object.keys((resolve(response) as { headers?: Json }).headers ?? {});
  for (const { name, operation } of operations()) {
    for (const [status, response] of Object.entries(operation.responses)) {
      const fields = fieldsOf(response);
      assert.ok(fields.includes('X-Request-Id'), `${name} ${status}`);
      const challenges = status === '401' || codesOf(response).includes('scope_insufficient');
      assert.equal(fields.includes('WWW-Authenticate'), challenges, `${name} ${status}`);
      assert.equal(fields.includes('Retry-After'), ['429', '503'].includes(status), `${name} ${status}`);
    }
    assert.ok(fieldsOf(operation.responses[429]).includes('X-RateLimit-Remaining'), name);
  }
  assert.ok(fieldsOf(operationOf('getMe')?.responses[200]).includes('RateLimit'));
  assert.ok(fieldsOf(operationOf('login')?.responses[200]).includes('Set-Cookie'));
  assert.ok(!fieldsOf(operationOf('getHealth')?.responses[200]).includes('RateLimit'));
});

test('who may call is said in every way that there is', () => {
  assert.deepEqual(operationOf('logout')?.security, [{ bearer: [] }, { refreshCookie: [] }, {}]);
  assert.deepEqual(operationOf('refresh')?.security, [{ refreshCookie: [] }, {}]);
  assert.deepEqual(operationOf('login')?.security, []);
  assert.deepEqual(operationOf('listUsers')?.security, [{ bearer: [] }, { apiKey: [] }]);
  assert.deepEqual(operationOf('getWhoami')?.security, [{ bearer: [] }, { apiKey: [] }]);
  for (const id of ['getMe', 'createMyKey', 'rotateKeys'])
    assert.deepEqual(operationOf(id)?.security, [{ bearer: [] }], id);
  assert.deepEqual(operationOf('rotateKeys')?.['x-access'], { access: 'permission', sensitive: true, fresh: true });
});

test('problems have their members, sign-ins their choices, timings their kinds', () => {
  const membersOf = (name: string) => Object.keys(partsOf(document.components.schemas[name]));
  for (const member of ['code', 'step', 'flowToken']) assert.ok(membersOf('StepRequiredProblem').includes(member));
  assert.ok(membersOf('ProofRequiredProblem').includes('puzzle'));
  assert.ok(membersOf('PasswordTooShortProblem').includes('minLength'));
  assert.ok(membersOf('PasswordTooLongProblem').includes('maxLength'));
  const { Login, Timing } = document.components.schemas as Record<string, { oneOf: Json[]; discriminator?: Json }>;
  assert.deepEqual(
    Login?.oneOf.map((variant) => (resolve(variant) as { required: string[] }).required),
    [['login'], ['email'], ['username']],
  );
  assert.equal(Timing?.oneOf.length, 3);
  assert.equal(Timing?.discriminator?.propertyName, 'kind');
});
