import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import type { Config } from '../platform/config/config.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import { UsageError } from './usage-error.ts';
import { withApp } from './with-app.ts';

/** `ostiary export users [--format ndjson | csv] [--hashes] [--out <file>]`: all accounts, the oldest first. */
export async function exportPeople(args: string[], context: { config: Config; log: Logger }): Promise<void> {
  const { format, withHashes, file } = read(args);
  // Only its owner may read what it contains, and nothing is overwritten.
  const handle = file === null ? null : await open(file, 'wx', 0o600);
  await withApp(context, async ({ app }) => {
    const lines = Readable.from(app.imports.exportLines({ format, withHashes }));
    if (handle === null) await pipeline(lines, process.stdout, { end: false });
    else await pipeline(lines, handle.createWriteStream({ flush: true }));
  });
}

function read(args: string[]) {
  const options = { format: { type: 'string' }, hashes: { type: 'boolean' }, out: { type: 'string' } } as const;
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const { format = 'ndjson' } = values;
    if (positionals.join(' ') !== 'users') throw new UsageError('Say: export users.');
    if (format !== 'ndjson' && format !== 'csv') throw new UsageError('--format must be ndjson or csv.');
    return { format, withHashes: values.hashes ?? false, file: values.out ?? null } as const;
  } catch (error) {
    // An unknown option.
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}
