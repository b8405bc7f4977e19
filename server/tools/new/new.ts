import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { newMigration } from '../../src/platform/database/new-migration.ts';
import { writeJob } from './job.ts';
import { writeMailOf } from './mail.ts';
import { writeModule } from './module.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const USAGE = `npm run new module <name> [-- --plural <names>]   a module with its tests: npm run new module site
npm run new job <module> <name>                   a job of a module: npm run new job sites tidy
npm run new mail <module> <name> <event>          a mail of a module: npm run new mail sites welcome site.written
npm run new migration <module> <name>             an empty migration: npm run new migration sites size`;

async function write([kind, ...names]: string[], plural: string | undefined): Promise<string[]> {
  const [first = '', second = '', third = ''] = names;
  if (kind === 'module' && names.length === 1) {
    return writeModule(ROOT, first, { now: new Date(), ...(plural !== undefined && { plural }) });
  }
  if (kind === 'job' && names.length === 2) return writeJob(ROOT, first, second);
  if (kind === 'mail' && names.length === 3) return writeMailOf(ROOT, [first, second, third]);
  if (kind === 'migration' && names.length === 2) return [fileURLToPath(await newMigration(first, second, new Date()))];
  throw new TypeError(USAGE);
}

const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });

try {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { plural: { type: 'string' } } });
  const paths = await write(positionals, values.plural);
  run('npx', '--no-install', 'biome', 'check', '--write', ...paths);
  if (positionals[0] === 'module') run('npm', 'run', '--silent', 'docs');
  console.log(`Wrote or changed:\n${paths.map((path) => `  ${path}`).join('\n')}`);
  if (positionals[0] === 'module')
    console.log(`Next: npm run types, and npm test -- ${paths.find((path) => path.endsWith('s.test.ts'))}`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
