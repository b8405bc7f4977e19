import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { compileClients, prepareClients } from '../tools/openapi-clients/generate.ts';
import { printedDocument } from './openapi-document.ts';

before(prepareClients);

test('two generators make clients of the document that fifteen operations compile against', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ostiary-clients-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const document = await printedDocument();

  assert.equal(await compileClients(document, join(folder, 'sound')), '');
  const calls = await callsOf(join(folder, 'sound'));
  assert.ok(
    calls.every((count) => count >= 15),
    String(calls),
  );

  // TS2578: what must not compile does. So the compiler has looked at what the document says.
  const { components, ...rest } = JSON.parse(document);
  const { LoginByName } = components.schemas;
  const schemas = { ...components.schemas, LoginByName: { ...LoginByName, required: [] } };
  const spoilt = JSON.stringify({ ...rest, components: { ...components, schemas } });
  assert.match(await compileClients(spoilt, join(folder, 'spoilt')), /error TS2578/);
});

/** How many operations each program calls. */
async function callsOf(folder: string): Promise<number[]> {
  const names = (await readdir(folder)).filter((name) => name.startsWith('by-'));
  const sources = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return sources.map((source) => new Set(source.match(/api\.(?:[A-Z]+\('[^']+'|[a-z]\w+)/g)).size);
}
