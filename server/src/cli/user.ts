import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { loadModules } from '../load-modules.ts';
import type { Config } from '../platform/config/config.ts';
import { SYSTEM_CALLER } from '../platform/http/system-caller.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import { openApp, openDatabase } from '../start.ts';
import { UsageError } from './usage-error.ts';
import { withApp } from './with-app.ts';

/** `ostiary user reset-factors <login>`, `ostiary user create --email <address> [--username <name>] [--role superadmin]`, `ostiary user grant --email <address> --role superadmin` */
export async function user(args: string[], { config, log }: { config: Config; log: Logger }): Promise<void> {
  if (args[0] === 'reset-factors') return resetFactors(args.slice(1), { config, log });
  const { action, email, username, superadmin } = read(args);
  const password = action === 'create' ? await readPassword() : '';
  const database = await openDatabase(config, log);
  try {
    const { app, close } = await openApp({ config, database, log, modules: await loadModules(config) });
    const { setup } = app;
    if (action === 'create') {
      const { id } = await setup.createUser(SYSTEM_CALLER, { email, username, password, superadmin });
      process.stdout.write(`Created ${superadmin ? 'superadmin' : 'user'} ${email} (${id}).\n`);
    } else {
      const { id } = await setup.grantSuperadmin(SYSTEM_CALLER, email);
      process.stdout.write(`${email} (${id}) is a superadmin now.\n`);
    }
    await close();
  } finally {
    await database.close();
  }
}

/** Removes somebody's second factors at once. */
async function resetFactors(args: string[], context: { config: Config; log: Logger }): Promise<void> {
  const [login, ...more] = args;
  if (!login || login.startsWith('-') || more.length > 0) throw new UsageError('Say: user reset-factors <login>.');
  await withApp(context, async ({ app }) => {
    const { id } = await app.factorResets.resetNow(SYSTEM_CALLER, login);
    process.stdout.write(`${login} (${id}) has no second factors any more, and no session.\n`);
  });
}

function read(args: string[]) {
  try {
    const options = { email: { type: 'string' }, username: { type: 'string' }, role: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const { email, username, role = 'user' } = values;
    const action = positionals.join(' ');
    if ((action !== 'create' && action !== 'grant') || !email)
      throw new UsageError('Say: user create --email <address>.');
    if (role !== 'superadmin' && role !== 'user') throw new UsageError('--role must be user or superadmin.');
    if (action === 'grant' && role !== 'superadmin')
      throw new UsageError('Say: user grant --email <address> --role superadmin.');
    return { action, email, username, superadmin: role === 'superadmin' } as const;
  } catch (error) {
    // An unknown option.
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

/** Never from the command line, which other users of the machine can read. */
async function readPassword(): Promise<string> {
  const fromEnvironment = process.env.OSTIARY_PASSWORD;
  if (fromEnvironment) return fromEnvironment;
  process.stderr.write('Password: ');
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: process.stdin.isTTY === true });
  const password = await new Promise<string>((resolve) => {
    lines.once('line', resolve);
    lines.once('close', () => resolve(''));
  });
  lines.close();
  process.stderr.write('\n');
  if (password === '') throw new UsageError('A password is needed.');
  return password;
}
