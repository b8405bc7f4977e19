import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { App } from '../app.ts';
import { type Counts, reportOf } from '../modules/imports/counts.ts';
import { ImportFailed, type Source } from '../modules/imports/imported-person.ts';
import { FORMATS, type FormatName } from '../modules/imports/sources/formats.ts';
import { type Mapping, mergeMappings, readMapping } from '../modules/imports/sources/mapping.ts';
import { openSource } from '../modules/imports/sources/open-source.ts';
import type { Config } from '../platform/config/config.ts';
import type { Database } from '../platform/database/database.ts';
import { expectBulkWrites } from '../platform/database/expect-bulk-writes.ts';
import { SYSTEM_CALLER } from '../platform/http/system-caller.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import { createProgressBar } from './progress-bar.ts';
import { UsageError } from './usage-error.ts';
import { withApp } from './with-app.ts';

/** Rows: pages that a transaction changes again and again are written once. Others wait for half a second at most. */
const SQLITE_BATCH = 2500;

/**
 * `ostiary import <file or URL> [--format <name>] [--as <name>] [--map <file>] [--hashes <file>] [--dry-run] [--report <file>] [--superadmin <address>]… [--from-start]`:
 * makes accounts for the people of another system. Can be stopped at any time, and goes on where it was when it is run again.
 */
export async function importPeople(args: string[], context: { config: Config; log: Logger }): Promise<void> {
  const wanted = read(args);
  const { place, format, mapping, hashes, isTrial, superadmins } = wanted;
  const source = await openSource(place, { name: format, format: FORMATS[format], mapping, hashes });
  try {
    await withApp(context, async ({ app, database }) => {
      await expectBulkWrites(database);
      const counts = await run({ app, database, source, wanted });
      process.stdout.write(reportOf(counts, { isTrial }));
      for (const address of isTrial ? [] : superadmins) {
        const { id } = await app.setup.grantSuperadmin(SYSTEM_CALLER, address);
        process.stdout.write(`${address} (${id}) is a superadmin now.\n`);
      }
    });
  } finally {
    await source.close();
  }
}

/** Runs the import with its progress bar, and writes whom it tells of into the report. */
async function run(deps: {
  app: App;
  database: Database;
  source: Source;
  wanted: ReturnType<typeof read>;
}): Promise<Counts> {
  const { app, database, source, wanted } = deps;
  const { name, isTrial, fromStart, mapping, reportFile } = wanted;
  const bar = createProgressBar({ out: process.stderr, now: () => performance.now() });
  // It names rows of other systems: only its owner may read it.
  const report = reportFile === null ? null : openSync(reportFile, 'a', 0o600);
  let lines: string[] = [];
  let isUnderWay = false;
  try {
    return await app.imports.run(source, {
      ...{ name, isTrial, fromStart, roles: mapping.roles ?? {} },
      ...(database.kind === 'sql' && database.dialect === 'sqlite' && { batchSize: SQLITE_BATCH }),
      onTold: (told) => {
        if (report !== null) lines.push(`${JSON.stringify(told)}\n`);
      },
      onProgress(counts) {
        isUnderWay = true;
        if (report !== null) writeSync(report, lines.join(''));
        lines = [];
        bar.show(source.progress(), counts);
      },
    });
  } catch (error) {
    bar.end();
    if (isUnderWay && !isTrial) process.stderr.write('It stopped under way: the same command goes on from there.\n');
    throw error;
  } finally {
    bar.end();
    if (report !== null) closeSync(report);
  }
}

function read(args: string[]) {
  const { values, positionals } = parse(args);
  // A URL with a password can come from the environment: other users of the machine can read command lines.
  const place = positionals[0] ?? process.env.OSTIARY_IMPORT_FROM;
  if (!place || positionals.length > 1) throw new UsageError('Say: import <file or URL>.');
  const { format = 'plain' } = values;
  if (!isFormat(format)) throw new UsageError(`--format must be one of ${Object.keys(FORMATS).join(', ')}.`);
  const own: Mapping = values.map === undefined ? {} : readMapping(readText(values.map));
  return {
    place,
    format,
    name: values.as ?? format,
    mapping: mergeMappings(FORMATS[format].mapping, own),
    hashes: values.hashes ?? null,
    isTrial: values['dry-run'] ?? false,
    fromStart: values['from-start'] ?? false,
    reportFile: values.report ?? null,
    superadmins: values.superadmin ?? [],
  };
}

const isFormat = (name: string): name is FormatName => Object.hasOwn(FORMATS, name);

function parse(args: string[]) {
  const options = {
    format: { type: 'string' },
    as: { type: 'string' },
    map: { type: 'string' },
    hashes: { type: 'string' },
    report: { type: 'string' },
    superadmin: { type: 'string', multiple: true },
    'dry-run': { type: 'boolean' },
    'from-start': { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    // An unknown option.
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ImportFailed(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`);
  }
}
