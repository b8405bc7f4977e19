import { parseArgs } from 'node:util';
import { loadModules } from '../load-modules.ts';
import type { KeyLink } from '../modules/keys/key-chain.ts';
import type { Keys } from '../modules/keys/keys.ts';
import type { Config } from '../platform/config/config.ts';
import { SYSTEM_CALLER } from '../platform/http/system-caller.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import { openApp, openDatabase } from '../start.ts';
import { UsageError } from './usage-error.ts';

/** `ostiary keys list`, `ostiary keys rotate [--use sig | enc]`, `ostiary keys revoke <id>`. Running servers follow within a second. */
export async function keys(args: string[], { config, log }: { config: Config; log: Logger }): Promise<void> {
  const act = read(args);
  const database = await openDatabase(config, log);
  try {
    const { app, close } = await openApp({ config, database, log, modules: await loadModules(config) });
    try {
      await act(app.keys);
      for (const link of await app.keys.list()) process.stdout.write(`${line(link)}\n`);
    } finally {
      await close();
    }
  } finally {
    await database.close();
  }
}

function read(args: string[]): (keys: Keys) => Promise<void> {
  try {
    const { values, positionals } = parseArgs({ args, options: { use: { type: 'string' } }, allowPositionals: true });
    const [action, id, ...rest] = positionals;
    const { use = 'sig' } = values;
    if (use !== 'sig' && use !== 'enc') throw new UsageError('--use must be sig or enc.');
    if (values.use !== undefined && action !== 'rotate') throw new UsageError('Only rotate accepts --use.');
    if (action === 'list' && id === undefined) return async () => {};
    if (action === 'rotate' && id === undefined) return (keys) => keys.rotate(SYSTEM_CALLER, use);
    if (action === 'revoke' && id && rest.length === 0) return (keys) => keys.revoke(SYSTEM_CALLER, id);
    throw new UsageError('Say: keys list, keys rotate, or keys revoke <id>.');
  } catch (error) {
    // An unknown option.
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

function line({ key, status, retiredAt }: KeyLink): string {
  const since = retiredAt ?? key.activatedAt ?? key.createdAt;
  return `${key.id}  ${key.use}  ${key.algorithm.padEnd(12)}  ${status.padEnd(7)}  since ${since.toISOString()}`;
}
