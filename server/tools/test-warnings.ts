/**
 * Loaded by `--require` into every process of a test run, also those that tests start: a warning of the runtime (a leak of listeners,
 * something deprecated, a timer that overflows) fails the test that caused it, and its file. It is a fault that nobody has looked at.
 */
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isMainThread } from 'node:worker_threads';

/** Where warnings are written down: the folder, and the test file on whose behalf a process runs. */
const FOLDER = 'TEST_WARNINGS';
const CAUSE = 'TEST_WARNINGS_OF';

/** Node's word that a feature may change, such as its SQLite: chosen knowingly. */
const IS_ACCEPTED = (warning: Error) => warning.name === 'ExperimentalWarning';

/** What a run sets so that warnings are written to `folder`, which must exist. */
export function watchWarnings(env: NodeJS.ProcessEnv, folder: string): NodeJS.ProcessEnv {
  const load = `--require=${JSON.stringify(import.meta.filename)}`;
  return {
    ...env,
    [FOLDER]: folder,
    [CAUSE]: undefined,
    NODE_OPTIONS: [env.NODE_OPTIONS, load].filter(Boolean).join(' '),
  };
}

/** What a test must give to a process that it starts with an environment of its own, so that its warnings count, too. */
export function warningsEnv(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  if (env[FOLDER] === undefined) return {};
  return { NODE_OPTIONS: env.NODE_OPTIONS, [FOLDER]: env[FOLDER], [CAUSE]: env[CAUSE] };
}

/** The warnings that were written to `folder`, by the test file that caused them. */
export function readWarnings(folder: string): Map<string, string> {
  const names = readdirSync(folder).sort();
  return new Map(names.map((name) => [decodeURIComponent(name), readFileSync(join(folder, name), 'utf8')]));
}

function rethrow(warning: Error): never {
  throw warning;
}

function listen(folder: string): void {
  const isTestFile = process.env[CAUSE] === undefined && process.env.NODE_TEST_CONTEXT !== undefined && isMainThread;
  if (isTestFile) process.env[CAUSE] = relative(process.cwd(), process.argv[1] ?? '');
  const record = join(folder, encodeURIComponent(process.env[CAUSE] ?? 'the run itself'));

  process.on('warning', (warning) => {
    if (IS_ACCEPTED(warning)) return;
    appendFileSync(record, `${warning.stack ?? warning}\n`);
    // It is told in the context of what caused it: an exception there fails that very test, if it still runs.
    if (isTestFile) setImmediate(() => rethrow(warning));
  });
  if (!isTestFile) return;
  // What a child, a thread, or this process outside of any test caused.
  process.on('exit', () => {
    if (existsSync(record)) process.exitCode ||= 1;
  });
}

if (process.env[FOLDER] !== undefined) listen(process.env[FOLDER]);
