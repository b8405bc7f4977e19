import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refused, withScene } from '../scenario.ts';

const FORM = 'application/x-www-form-urlencoded';

test('a body that nests deeper than the stack is not read', () =>
  withScene(async ({ app }) => {
    const payload = `{"email":${'['.repeat(20_000)}${']'.repeat(20_000)},"password":"x"}`;
    const headers = { 'content-type': 'application/json' };
    refused(
      await app.http.inject({ method: 'POST', url: '/api/v1/auth/register', headers, payload }),
      400,
      'malformed_body',
    );
  }));

test('where a body may have several types, one of none or of another is not taken unchecked', () =>
  withScene(async ({ app }) => {
    const post = (path: string, type: string | null, payload?: string) =>
      app.http.inject({
        method: 'POST',
        url: `/api/v1/auth/${path}`,
        ...(type !== null && { headers: { 'content-type': type } }),
        ...(payload !== undefined && { payload }),
      });
    for (const path of ['login', 'token']) {
      refused(await post(path, null), 400, 'validation_failed');
      refused(await post(path, FORM, ''), 400, 'validation_failed');
    }
    const coerced = '{"grant_type":"password","username":["ann"],"password":{"$ne":null}}';
    refused(await post('token', 'application/json', coerced), 415, 'unsupported_media_type');
    const unknown = '{"username":["ann"],"password":{"$ne":null}}';
    for (const type of ['application/json', 'application/JSON; charset=utf-8']) {
      assert.equal(refused(await post('login', type, unknown), 400, 'validation_failed').errors?.length, 2);
    }
  }));
