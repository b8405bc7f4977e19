import { UsageError } from './cli/usage-error.ts';
import { WrongSecretKey } from './modules/keys/secret-check.ts';
import type { Config } from './platform/config/config.ts';
import { ConfigError } from './platform/config/config-error.ts';
import { loadConfig } from './platform/config/load-config.ts';
import { DatabaseUnreachable } from './platform/database/database.ts';
import { MigrationFailed } from './platform/database/migrations.ts';
import { AppError } from './platform/errors.ts';
import { createLog, type Logger } from './platform/telemetry/log.ts';

const USAGE = `ostiary serve                         start the server
ostiary migrate up | down | status    change the database, or see how far it is
ostiary migrate new <module> <name>   begin a migration
ostiary user create --email <address> [--username <name>] [--role superadmin]
                                      the password is read from OSTIARY_PASSWORD, or asked for
ostiary user grant --email <address> --role superadmin
                                      give an account that there is the role
ostiary keys list                     the keys that sign tokens and decrypt passwords
ostiary keys rotate [--use sig | enc] put the next key to use now; what the present one signed lives out its time
ostiary keys revoke <id>              throw a key away at once, with everything that it signed
ostiary doctor                        check configuration, database, keys, Redis, replicas and mail server
`;

type Command = (args: string[], context: { config: Config; log: Logger }) => Promise<void>;

/** Each is loaded when it is needed: a primary of several processes has no use for the rest of the server. */
const COMMANDS: Record<string, { log: 'normal' | 'quiet'; isSilentOnDoubts?: true; run: Command }> = {
  serve: { log: 'normal', run: serve },
  // Started by `serve`, which has warned already.
  'serve-as-worker': {
    log: 'normal',
    isSilentOnDoubts: true,
    run: async (_args, { config, log }) => (await import('./worker.ts')).serveAsWorker(config, log),
  },
  migrate: { log: 'quiet', run: async (...given) => (await import('./cli/migrate.ts')).migrate(...given) },
  user: { log: 'quiet', run: async (...given) => (await import('./cli/user.ts')).user(...given) },
  keys: { log: 'quiet', run: async (...given) => (await import('./cli/keys.ts')).keys(...given) },
  doctor: { log: 'quiet', run: async (...given) => (await import('./cli/doctor.ts')).doctor(...given) },
};

async function serve(_args: string[], { config, log }: { config: Config; log: Logger }): Promise<void> {
  if (config.workers > 1) await (await import('./primary.ts')).serveByWorkers(config, log);
  else await (await import('./main.ts')).serve(config, log);
}

/** Runs one command line and answers the exit code. What an operator can mend is one clear sentence, without a stack. */
export async function run(args: string[]): Promise<number> {
  const [name = 'help', ...rest] = args;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    process.stdout.write(USAGE);
    return name === 'help' || name === '--help' ? 0 : 2;
  }
  try {
    const { config, warnings } = loadConfig({ env: process.env, cwd: process.cwd() });
    const log = createLog(
      command.log === 'normal' ? config.log : { ...config.log, level: 'error', format: 'text', file: null },
      { shared: config.workers > 1 },
    );
    for (const warning of command.isSilentOnDoubts ? [] : warnings) log.warn(warning);
    await command.run(rest, { config, log });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (!isForOperator(error)) throw error;
    process.stderr.write(`${describe(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function isForOperator(error: unknown): error is Error {
  const kinds = [ConfigError, DatabaseUnreachable, MigrationFailed, WrongSecretKey, UsageError, AppError];
  return (
    kinds.some((kind) => error instanceof kind) || (error instanceof Error && 'syscall' in error && 'code' in error)
  );
}

function describe(error: Error): string {
  if (error instanceof UsageError) return `${error.message}\n\n${USAGE}`;
  if ('code' in error && error.code === 'EADDRINUSE')
    return `${error.message}: something listens there already; set PORT.`;
  return error.message;
}
