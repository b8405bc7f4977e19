import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventCatalogue, eventDocs, eventPage } from '../tools/event-docs.ts';
import { withWorld } from './administration.ts';
import { ok } from './client.ts';
import { member } from './matrix/world.ts';

const MODULES = join(import.meta.dirname, '../src/modules');
const catalogue = await eventCatalogue();

/** What a module's source writes that has the form of a type: literals, and templates up to their variable part. */
const LITERAL = /'([a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)'/g;
const TEMPLATE = /`([a-z][a-z0-9_]*\.)\$\{/g;

/** What the lines of code name. Adapters, which are left out, name columns in the same form. */
function named(source: string, form: RegExp): string[] {
  const lines = source.split('\n').filter((line) => !/^\s*(?:\*|\/[*/])/.test(line));
  return Array.from(lines.join('\n').matchAll(form), ([, type = '']) => type);
}

const sources = globSync('*/*.ts', { cwd: MODULES })
  .filter((file) => !/\.(?:test|contract|matrix|sql|mongo)\.ts$|event-types\.ts$/.test(file))
  .map((file) => ({ file, source: readFileSync(join(MODULES, file), 'utf8') }));

test('docs/events.md is what `npm run docs` writes', () => {
  assert.equal(eventPage(), eventDocs(eventPage(), catalogue));
});

test('every type of event that a module writes or follows is in the catalogue', () =>
  withWorld(async ({ app }) => {
    const jobs = app.jobs.names();
    const unknown = sources.flatMap(({ file, source }) => [
      ...named(source, LITERAL)
        // Jobs are named in the same form.
        .filter((type) => !catalogue.has(type) && !jobs.includes(type))
        .map((type) => `${file}: ${type}`),
      ...named(source, TEMPLATE)
        .filter((start) => ![...catalogue.keys()].some((type) => type.startsWith(start)))
        .map((start) => `${file}: ${start}…`),
    ]);
    assert.deepEqual(unknown, []);
    assert.deepEqual(named("describe(caller, { type: 'note.written' })", LITERAL), ['note.written']);
  }));

test('every type in the catalogue is written by a module', () => {
  const written = new Set(sources.flatMap(({ source }) => named(source, LITERAL)));
  const starts = sources.flatMap(({ source }) => named(source, TEMPLATE));
  const gone = [...catalogue.keys()].filter(
    (type) => !written.has(type) && !starts.some((start) => type.startsWith(start)),
  );
  assert.deepEqual(gone, []);
});

test('the page names only events that there are', () => {
  const above = eventPage().slice(0, eventPage().indexOf('## All events'));
  const types = Array.from(above.matchAll(/`([a-z_]+\.[a-z_]+)`/g), ([, type = '']) => type);
  assert.ok(types.length > 15);
  assert.deepEqual(
    types.filter((type) => !catalogue.has(type)),
    [],
  );
});

test('what the page says of sessions that end together: one event, and none for each', () =>
  withWorld(async (w) => {
    const { token, userId, sessionId } = await member(w);
    ok(await w.client.send('POST', '/auth/logout-all', { token }), 204);
    const types = async (target: string) => (await w.app.storage.events.listForTarget(target)).map(({ type }) => type);
    assert.equal((await types(`user:${userId}`)).at(-1), 'user.sessions_ended');
    assert.deepEqual(await types(`session:${sessionId}`), ['session.started']);
  }));
