import { UsageError } from './cli/usage-error.ts';
import { ModuleError } from './module.ts';
import { ImportFailed } from './modules/imports/imported-person.ts';
import { RedisShared } from './modules/jobs/redis-presence.ts';
import { WrongSecretKey } from './modules/keys/secret-check.ts';
import type { Config } from './platform/config/config.ts';
import { ConfigError } from './platform/config/config-error.ts';
import { type Loaded, loadConfig } from './platform/config/load-config.ts';
import { DatabaseUnreachable } from './platform/database/database.ts';
import { MigrationFailed } from './platform/database/migrations.ts';
import { operatorReason } from './platform/database/root-cause.ts';
import { AppError } from './platform/errors.ts';
import { takeLibraryLines } from './platform/telemetry/library-lines.ts';
import { createLog, type Logger } from './platform/telemetry/log.ts';

const USAGE = `ostiary serve                         start the server
ostiary migrate up | down | status    migrate the database, or list its migrations
ostiary migrate new <module> <name>   create a migration
ostiary user create --email <address> [--username <name>] [--role superadmin]
                                      the password is read from OSTIARY_PASSWORD, or asked for
ostiary user grant --email <address> --role superadmin
                                      make an existing account superadmin
ostiary user reset-factors <login>    remove the second factors of an account at once, and end its sessions
ostiary keys list                     list the keys that sign tokens and decrypt passwords
ostiary keys rotate [--use sig | enc] activate the next key now; tokens of the present one stay valid
ostiary keys revoke <id>              remove a key at once; its tokens become invalid
ostiary import <file or URL> [--format plain | keycloak | auth0 | firebase | supabase | better-auth | django |
               laravel | wordpress | aspnet-identity] [--as <name>] [--map <file>] [--hashes <file>]
               [--dry-run] [--report <file>] [--superadmin <address>] [--from-start]
                                      make accounts for the people of another system
ostiary export users [--format ndjson | csv] [--hashes] [--out <file>]
                                      write all accounts
ostiary openapi [--pretty]            print the OpenAPI document; needs neither configuration nor database
ostiary doctor                        check what serve reads and needs: settings, database, keys, Redis,
                                      replicas, mail server, port and folders
`;

type Command = (args: string[], context: Loaded & { log: Logger }) => Promise<void>;
interface Configured {
  log: 'normal' | 'quiet';
  isSilentOnDoubts?: true;
  run: Command;
}
/** A command that does the same whatever the configuration is, also where there is none. */
interface Unconfigured {
  log: 'none';
  run: (args: string[]) => Promise<void>;
}

/** Each command is loaded when it runs: the primary of several processes does not need the rest of the server. */
const COMMANDS: Record<string, Configured | Unconfigured> = {
  serve: { log: 'normal', run: serve },
  // Started by `serve`, which has already logged the warnings.
  'serve-as-worker': {
    log: 'normal',
    isSilentOnDoubts: true,
    run: async (_args, { config, log }) => (await import('./worker.ts')).serveAsWorker(config, log),
  },
  migrate: { log: 'quiet', run: async (...given) => (await import('./cli/migrate.ts')).migrate(...given) },
  user: { log: 'quiet', run: async (...given) => (await import('./cli/user.ts')).user(...given) },
  keys: { log: 'quiet', run: async (...given) => (await import('./cli/keys.ts')).keys(...given) },
  import: { log: 'quiet', run: async (...given) => (await import('./cli/import.ts')).importPeople(...given) },
  export: { log: 'quiet', run: async (...given) => (await import('./cli/export.ts')).exportPeople(...given) },
  openapi: { log: 'none', run: async (args) => (await import('./cli/openapi.ts')).openapi(args) },
  doctor: { log: 'quiet', run: async (...given) => (await import('./cli/doctor.ts')).doctor(...given) },
};

async function serve(_args: string[], { config, log }: { config: Config; log: Logger }): Promise<void> {
  if (config.workers > 1) await (await import('./primary.ts')).serveByWorkers(config, log);
  else await (await import('./main.ts')).serve(config, log);
}

/** Runs one command line and returns the exit code: `process.exitCode = await run(['doctor'])`. An error that an operator can correct is one
 * sentence, without a stack. */
export async function run(args: string[]): Promise<number> {
  const [name = 'help', ...rest] = args;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    process.stdout.write(USAGE);
    return name === 'help' || name === '--help' ? 0 : 2;
  }
  try {
    if (command.log === 'none') await command.run(rest);
    else await runConfigured(command, rest);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    const sentence = sentenceOf(error);
    if (sentence === null) throw error;
    process.stderr.write(`${sentence}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function runConfigured({ log: kind, isSilentOnDoubts, run }: Configured, args: string[]): Promise<void> {
  const loaded = loadConfig({ env: process.env, cwd: process.cwd() });
  const { config, warnings } = loaded;
  const log = createLog(
    kind === 'normal' ? config.log : { ...config.log, level: 'error', format: 'text', file: null },
    { shared: config.workers > 1 },
  );
  if (kind === 'normal') takeLibraryLines(log);
  for (const warning of isSilentOnDoubts ? [] : warnings) log.warn(warning);
  await run(args, { ...loaded, log });
}

/** What the operator is told; null for an error of ours. The title of a 503 is for clients: the operator gets its cause. */
function sentenceOf(error: unknown): string | null {
  if (error instanceof AppError) return operatorReason(error) ?? error.message;
  return isForOperator(error) ? describe(error) : operatorReason(error);
}

function isForOperator(error: unknown): error is Error {
  const kinds = [
    ConfigError,
    DatabaseUnreachable,
    MigrationFailed,
    WrongSecretKey,
    RedisShared,
    ModuleError,
    UsageError,
    ImportFailed,
  ];
  return (
    kinds.some((kind) => error instanceof kind) || (error instanceof Error && 'syscall' in error && 'code' in error)
  );
}

function describe(error: Error): string {
  if (error instanceof UsageError) return `${error.message}\n\n${USAGE}`;
  if ('code' in error && error.code === 'EADDRINUSE')
    return `${error.message}: another program listens there; set PORT.`;
  return error.message;
}
