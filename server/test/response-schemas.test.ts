import assert from 'node:assert/strict';
import { subscribe } from 'node:diagnostics_channel';
import { test } from 'node:test';
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { TSchema } from 'typebox';
import { compileSerializer } from '../src/platform/http/serialization.ts';
import { openTestApp } from './app.ts';

test('the response schemas of all routes compile: the server does so only when it first answers with one', async (t) => {
  const routes: RouteOptions[] = [];
  subscribe('fastify.initialization', (message) => {
    const { fastify } = message as { fastify: FastifyInstance };
    fastify.addHook('onRoute', (route) => void routes.push(route));
  });
  const app = await openTestApp({ databaseUrl: 'sqlite::memory:' });
  t.after(() => app.close());

  let compiled = 0;
  for (const { method, url, schema } of routes) {
    for (const [status, response] of Object.entries((schema?.response ?? {}) as Record<string, TSchema>)) {
      assert.doesNotThrow(() => compileSerializer(response), `${method} ${url} ${status}`);
      compiled += 1;
    }
  }
  assert.ok(compiled > 100, `${compiled} schemas were compiled`);
});
