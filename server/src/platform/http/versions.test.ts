import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { AppError } from '../errors.ts';
import { callerOf } from './caller.ts';
import { assertProblem, testServer } from './http.testing.ts';
import type { HttpServer } from './routes.ts';
import { demandVersion } from './versions.ts';

const refuses = (ifMatch: string, version = 5) => {
  try {
    demandVersion({ ifMatch }, { version });
    return false;
  } catch (error) {
    assert.ok(error instanceof AppError && error.code === 'version_conflict' && error.status === 412);
    return true;
  }
};

test('without If-Match, any version will do', () => {
  demandVersion({}, { version: 5 });
});

test('the version is found in a tag, in one of several, and in what proxies make of it', () => {
  for (const tag of ['"5"', '*', '"4", "5"', ' "5" ,"6"', 'W/"5"', '"5-gzip"', 'W/"5-gzip"', '"5--gzip"', '"5-br"'])
    assert.equal(refuses(tag), false, tag);
});

test('another version, and what is no tag, is a conflict', () => {
  for (const tag of [
    '"4"',
    '"6"',
    '"55"',
    '"4", "6"',
    '',
    '""',
    '5',
    '"5',
    "'5'",
    '"5x"',
    '"-5"',
    '"5-x"',
    '"5.0"',
    'abc',
  ])
    assert.equal(refuses(tag), true, tag);
});

test('a versioned answer has an ETag; only routes that say so look at If-Match', async (t) => {
  const record = { version: 7 };
  const answer = Type.Object({ version: Type.Integer() });
  const routes = (app: HttpServer) => {
    const schema = { response: { 200: answer } };
    app.get('/thing', { config: { access: 'public' }, schema }, async () => record);
    app.patch('/thing', { config: { access: 'public', ifMatch: true }, schema }, async (request) => {
      demandVersion(callerOf(request), record);
      return record;
    });
    app.post('/thing', { config: { access: 'public' }, schema }, async (request) => {
      demandVersion(callerOf(request), record);
      return record;
    });
    app.get('/text', { config: { access: 'public' } }, async () => ({ version: '1.0' }));
  };
  const { app } = await testServer(t, { routes });
  assert.equal((await app.inject('/thing')).headers.etag, '"7"');
  assert.equal((await app.inject('/text')).headers.etag, undefined);
  const send = (method: 'PATCH' | 'POST', tag: string) =>
    app.inject({ method, url: '/thing', headers: { 'if-match': tag } });
  assert.equal((await send('PATCH', '"7"')).statusCode, 200);
  assertProblem(await send('PATCH', '"6"'), 412, 'version_conflict');
  assert.equal((await send('POST', '"6"')).statusCode, 200);
});
