import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const BIN = join(import.meta.dirname, '../bin/ostiary.js');

/** What `ostiary openapi` prints, run in an empty folder with this environment alone. Throws if it leaves anything there. */
export async function printedDocument(args: string[] = [], env: Record<string, string> = {}): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'ostiary-openapi-test-'));
  try {
    const options = { cwd, env: { PATH: process.env.PATH, TMPDIR: cwd, ...env }, maxBuffer: 8 * 1024 * 1024 };
    const { stdout } = await promisify(execFile)(process.execPath, [BIN, 'openapi', ...args], options);
    const left = await readdir(cwd);
    if (left.length > 0) throw new Error(`It left ${left.join(', ')} behind.`);
    return stdout;
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

type Json = Record<string, unknown>;

/** What a reference of this document leads to; anything else as it is. */
export function resolve(document: object, part: unknown): unknown {
  const { $ref } = part as { $ref?: string };
  if ($ref === undefined) return part;
  const keys = $ref.replace(/^#\//, '').split('/');
  return keys.reduce<unknown>((node, key) => (node as Json | undefined)?.[key], document);
}

/** The properties of a schema and of all that it is made of. */
export function propertiesOf(document: object, schema: unknown): Record<string, Json> {
  const { properties = {}, allOf = [] } = resolve(document, schema) as { properties?: Json; allOf?: unknown[] };
  return Object.assign({}, ...allOf.map((part) => propertiesOf(document, part)), properties);
}

/** The codes of the problems that an answer of an operation can carry. */
export function codesOf(document: object, response: unknown): string[] {
  const { content = {} } = resolve(document, response) as { content?: Record<string, { schema: Json }> };
  const { schema } = content['application/problem+json'] ?? {};
  if (schema === undefined) return [];
  return alternatives(document, schema).map((problem) => String(propertiesOf(document, problem).code?.const));
}

/** The schemas of which a value has one, also where they are alternatives of alternatives. */
function alternatives(document: object, schema: unknown): unknown[] {
  const { oneOf } = resolve(document, schema) as { oneOf?: unknown[] };
  return oneOf === undefined ? [schema] : oneOf.flatMap((part) => alternatives(document, part));
}

/** A part of the document with every reference in it replaced by what it leads to. */
export function writtenOut(document: object, part: unknown): unknown {
  const target = typeof part === 'object' && part !== null ? resolve(document, part) : part;
  if (Array.isArray(target)) return target.map((item) => writtenOut(document, item));
  if (typeof target !== 'object' || target === null) return target;
  return Object.fromEntries(Object.entries(target).map(([key, value]) => [key, writtenOut(document, value)]));
}
