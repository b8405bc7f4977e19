import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { type Counts, reportOf } from '../modules/imports/counts.ts';
import { ImportFailed } from '../modules/imports/imported-person.ts';
import { FORMATS, type FormatName } from '../modules/imports/sources/formats.ts';
import { type Mapping, mergeMappings, readMapping } from '../modules/imports/sources/mapping.ts';
import { openSource } from '../modules/imports/sources/open-source.ts';
import type { Config } from '../platform/config/config.ts';
import type { Database } from '../platform/database/database.ts';
import { expectBulkWrites } from '../platform/database/expect-bulk-writes.ts';
import { SYSTEM_CALLER } from '../platform/http/system-caller.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import { openApp, openDatabase } from '../start.ts';
import { createProgressBar } from './progress-bar.ts';
import { UsageError } from './usage-error.ts';

/**
 * `ostiary import <file or URL> [--format <name>] [--as <name>] [--map <file>] [--dry-run] [--report <file>] [--superadmin <address>]… [--from-start]`:
 * makes accounts for the people of another system. Can be stopped at any time, and goes on where it was when it is run again.
 */
export async function importPeople(args: string[], { config, log }: { config: Config; log: Logger }): Promise<void> {
  const { place, format, name, mapping, isTrial, fromStart, reportFile, superadmins } = read(args);
  const source = await openSource(place, { name: format, format: FORMATS[format], mapping });
  try {
    const database = await openDatabase(config, log);
    try {
      await expectBulkWrites(database);
      const { app, close } = await openApp({ config, database, log });
      const bar = createProgressBar({ out: process.stderr, now: () => performance.now() });
      const report = reportFile === null ? null : createWriteStream(reportFile, { flags: 'a', mode: 0o600 });
      let last: Counts | null = null;
      try {
        const counts = await app.imports.run(source, {
          ...{ name, isTrial, fromStart, roles: mapping.roles ?? {} },
          ...(isSqlite(database) && { batchSize: SQLITE_BATCH }),
          onProgress(sofar) {
            last = sofar;
            bar.show(source.progress(), sofar);
          },
          onTold: (told) => report?.write(`${JSON.stringify(told)}\n`),
        });
        bar.end();
        process.stdout.write(reportOf(counts, { isTrial }));
        for (const address of isTrial ? [] : superadmins) {
          const { id } = await app.setup.grantSuperadmin(SYSTEM_CALLER, address);
          process.stdout.write(`${address} (${id}) is a superadmin now.\n`);
        }
      } catch (error) {
        bar.end();
        if (last !== null && !isTrial)
          process.stderr.write('It stopped under way: the same command goes on from there.\n');
        throw error;
      } finally {
        report?.end();
        if (report) await finished(report);
        await close();
      }
    } finally {
      await database.close();
    }
  } finally {
    await source.close();
  }
}

/** Rows: pages that a transaction changes again and again are written once. Others wait for half a second at most. */
const SQLITE_BATCH = 2500;

const isSqlite = (database: Database) => database.kind === 'sql' && database.dialect === 'sqlite';

/** `ostiary export users [--format ndjson | csv] [--hashes] [--out <file>]`: all accounts, the oldest first. */
export async function exportPeople(args: string[], { config, log }: { config: Config; log: Logger }): Promise<void> {
  const { format, withHashes, file } = readExport(args);
  const database = await openDatabase(config, log);
  try {
    const { app, close } = await openApp({ config, database, log });
    // Only its owner may read what it contains.
    const out = file === null ? process.stdout : createWriteStream(file, { flags: 'wx', mode: 0o600 });
    try {
      for await (const line of app.imports.exportLines({ format, withHashes })) {
        if (!out.write(line)) await once(out, 'drain');
      }
      if (out !== process.stdout) {
        out.end();
        await finished(out);
      }
    } finally {
      await close();
    }
  } finally {
    await database.close();
  }
}

function read(args: string[]) {
  const options = {
    format: { type: 'string', default: 'plain' },
    as: { type: 'string' },
    map: { type: 'string' },
    report: { type: 'string' },
    superadmin: { type: 'string', multiple: true, default: [] as string[] },
    'dry-run': { type: 'boolean', default: false },
    'from-start': { type: 'boolean', default: false },
  } as const;
  const { values, positionals } = parsed(() =>
    parseArgs({
      args,
      options: { ...options, superadmin: { type: 'string', multiple: true } },
      allowPositionals: true,
    }),
  );
  // A URL with a password can come from the environment: other users of the machine can read command lines.
  const place = positionals[0] ?? process.env.OSTIARY_IMPORT_FROM;
  if (!place || positionals.length > 1) throw new UsageError('Say: import <file or URL>.');
  const format = values.format ?? 'plain';
  if (!Object.hasOwn(FORMATS, format))
    throw new UsageError(`--format must be one of ${Object.keys(FORMATS).join(', ')}.`);
  const own: Mapping = values.map === undefined ? {} : readMapping(readText(values.map));
  return {
    place,
    format: format as FormatName,
    name: values.as ?? format,
    mapping: mergeMappings(FORMATS[format as FormatName].mapping, own),
    isTrial: values['dry-run'] ?? false,
    fromStart: values['from-start'] ?? false,
    reportFile: values.report ?? null,
    superadmins: values.superadmin ?? [],
  };
}

function readExport(args: string[]) {
  const options = { format: { type: 'string' }, hashes: { type: 'boolean' }, out: { type: 'string' } } as const;
  const { values, positionals } = parsed(() => parseArgs({ args, options, allowPositionals: true }));
  const { format = 'ndjson' } = values;
  if (positionals.join(' ') !== 'users') throw new UsageError('Say: export users.');
  if (format !== 'ndjson' && format !== 'csv') throw new UsageError('--format must be ndjson or csv.');
  return { format, withHashes: values.hashes ?? false, file: values.out ?? null } as const;
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
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
