// The runner behind `npm test`, `test:unit`, `test:fast` and `test:long`:
//   node server/tools/test.ts [all | unit | fast | long] [test files…]

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdirSync } from 'node:fs';
import { availableParallelism, constants } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { readSources, whatLoads } from './check-imports.ts';
import { groupFiles } from './test-groups.ts';
import { runTestFiles } from './test-run.ts';
import { createScratch, memoryFolder, type Scratch } from './test-servers/scratch.ts';
import { SERVER_KINDS, startTestServers, type TestServers } from './test-servers/start.ts';
import { readWarnings, watchWarnings } from './test-warnings.ts';

type Check = 'lint' | 'types' | 'imports';

interface Mode {
  checks: Check[];
  /** Also on PostgreSQL, MySQL/MariaDB, MongoDB and Redis; otherwise on SQLite alone. */
  servers: boolean;
  /** The tests measure servers: those write to a disk, and have the machine to themselves, one file at a time. */
  measures: boolean;
  files: () => string[];
}

const ROOT = join(import.meta.dirname, '../..');
const SERVER = join(ROOT, 'server');
const BIN = join(ROOT, 'node_modules/.bin');
const TESTS = '{server,tools,bench}/**/*.test.ts';
const LONG_TESTS = '{server,tools,bench}/**/*.long.test.ts';
const NOT_OURS = ['**/node_modules/**', '**/runtime/**'];
/**
 * Test files at a time: two more than there are cores, since each waits half of its time for a server, a clock or a process; but never
 * so many that their connections are too many for a server.
 */
const CONCURRENCY = Math.min(availableParallelism() + 2, 4);
/**
 * Milliseconds without the end of any test after which a run hangs. There is no limit for the whole, nor for a file: a machine that is
 * slower needs longer, and that is no failure.
 */
const SILENCE_LIMIT = 600_000;
/**
 * Milliseconds for one test: many times what any takes, and a little less than the silence, so that one that hangs fails by its name
 * and the rest of its file still runs. Files and suites have none. Long tests have neither limit.
 */
const TEST_LIMIT = 540_000;
/** How many of the slowest files are named at the end. */
const SLOWEST = 20;

const filesAtATime = ({ measures }: Mode) => (measures ? 1 : CONCURRENCY);

const find = (pattern: string, exclude: string[]) =>
  globSync(pattern, { cwd: ROOT, exclude: [...NOT_OURS, ...exclude] }).sort();
const testsWithoutServers = () => find(TESTS, [LONG_TESTS, 'server/tools/test-servers/**']);

/** Tests of the whole server and of all stores: they take longest. */
const IS_LONG = /^server\/(?:test|src)\/[^/]+$/;

/** The longest first: at the end no file keeps one core busy while the others are idle. */
const allTests = () => find(TESTS, [LONG_TESTS]).sort((a, b) => Number(IS_LONG.test(b)) - Number(IS_LONG.test(a)));

/** Tests that start no application: those that load neither `app.ts` nor what stands above it. */
function unitTests(): string[] {
  const loading = whatLoads(['src/app.ts', 'src/main.ts', 'src/cli.ts'], readSources(SERVER));
  return testsWithoutServers().filter((file) => !loading.has(relative('server', file)));
}

const MODES: Record<string, Mode> = {
  all: { checks: ['lint', 'types', 'imports'], servers: true, measures: false, files: allTests },
  unit: { checks: [], servers: false, measures: false, files: unitTests },
  fast: { checks: ['types'], servers: false, measures: false, files: testsWithoutServers },
  long: { checks: [], servers: true, measures: true, files: () => find(LONG_TESTS, []) },
};

const isTerminal = Boolean(process.stdout.isTTY);

const CHECKS: Record<Check, string[]> = {
  lint: [join(BIN, 'biome'), 'ci', '--error-on-warnings', `--colors=${isTerminal ? 'force' : 'off'}`, '.'],
  types: [join(BIN, 'tsc'), '--project', ROOT, '--pretty', `${isTerminal}`],
  imports: [process.execPath, '--disable-warning=ExperimentalWarning', join(SERVER, 'tools/check-imports.ts')],
};

/** Whatever a test or a tool starts as `node` is the Node that runs this. */
const baseEnv = {
  ...process.env,
  PATH: [dirname(process.execPath), BIN, process.env.PATH].join(delimiter),
};

const running = new Set<ChildProcess>();
let interrupted: NodeJS.Signals | null = null;
const interrupt = (signal: NodeJS.Signals) => {
  interrupted = signal;
  for (const child of running) child.kill(signal);
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);

/** Ends `child` with this process: what interrupts this is passed on, and a scratch sees to the rest. */
function follow(child: ChildProcess, scratch?: Scratch): void {
  running.add(child);
  child.once('exit', () => running.delete(child));
  scratch?.guard(child, 'TERM');
}

/** Runs a check; resolves with what it said where it failed, and null where all is well. */
async function faultsOf(check: Check): Promise<string | null> {
  if (interrupted !== null) return 'interrupted';
  const [file = '', ...args] = CHECKS[check];
  const child = spawn(file, args, { cwd: ROOT, env: baseEnv, stdio: ['ignore', 'pipe', 'pipe'] });
  follow(child);
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => void said.push(part));
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return code === 0 ? null : Buffer.concat(said).toString();
  } catch (error) {
    return String(error);
  }
}

/** Runs checks, one after the other; resolves with what each said that failed. */
async function runChecks(checks: Check[]): Promise<Map<Check, string>> {
  const failed = new Map<Check, string>();
  for (const check of checks) {
    const faults = await faultsOf(check);
    if (faults !== null) failed.set(check, faults);
  }
  return failed;
}

/** Runs the tests of `files`; resolves with the exit code, and 1 where not a single test ran or nothing went on. */
async function runTests(files: string[], mode: Mode, env: NodeJS.ProcessEnv, scratch: Scratch) {
  if (interrupted !== null) return 128 + constants.signals[interrupted];
  if (files.length === 0) return complain('no test file was found');
  const isLimited = mode !== MODES.long;
  const options = ['--disable-warning=ExperimentalWarning', `--test-concurrency=${filesAtATime(mode)}`];
  if (isLimited) options.push(`--test-timeout=${TEST_LIMIT}`);
  const warnings = join(scratch.dir, 'warnings');
  mkdirSync(warnings);
  const run = await runTestFiles({
    args: [...options, ...files],
    cwd: ROOT,
    env: watchWarnings(env, warnings),
    silenceLimit: isLimited ? SILENCE_LIMIT : undefined,
    onStart: (child) => follow(child, scratch),
  });
  if (files.length > 1) nameSlowest(run.files);
  const warned = readWarnings(warnings);
  for (const [file, text] of warned) console.error(`\nWarnings of the runtime, caused by ${file}:\n${text.trimEnd()}`);
  if (run.hanging.length > 0) {
    const names = run.hanging.map((file) => `\n  ${relative(ROOT, file)}`);
    return complain(
      `No test ended for ${SILENCE_LIMIT / 60_000} minutes, so the run was ended. Under way were:${names.join('')}`,
    );
  }
  if (run.code === 0 && run.tests === 0) return complain('not a single test ran');
  return run.code === 0 && warned.size > 0 ? 1 : run.code;
}

function nameSlowest(files: Map<string, number>): void {
  const slowest = [...files].sort(([, a], [, b]) => b - a).slice(0, SLOWEST);
  console.log(`\nThe slowest of ${files.size} files, in seconds:`);
  for (const [file, milliseconds] of slowest) {
    console.log(`  ${(milliseconds / 1000).toFixed(1).padStart(6)}  ${relative(ROOT, file)}`);
  }
}

function complain(sentence: string): number {
  console.error(sentence);
  return 1;
}

/** What the tests find: the servers of this run alone, and folders that go with it. */
function testEnv(scratch: Scratch, servers: TestServers | null): NodeJS.ProcessEnv {
  const temporary = join(scratch.dir, 'tmp');
  mkdirSync(temporary);
  // Hundreds of processes load the same sources: the first to end leaves them compiled for the others.
  const compiled = join(scratch.dir, 'compiled');
  const env: NodeJS.ProcessEnv = { ...baseEnv, TMPDIR: temporary, NODE_COMPILE_CACHE: compiled };
  for (const [kind, { variable }] of Object.entries(SERVER_KINDS)) {
    delete env[variable];
    const url = servers?.urls[kind as keyof typeof SERVER_KINDS];
    if (url !== undefined) env[variable] = url;
  }
  // Nothing is left behind on servers that are not the run's own.
  const areOurs = Object.values(SERVER_KINDS).every(({ variable }) => !process.env[variable]);
  env.TEST_SHELF = areOurs ? join(scratch.dir, 'shelf') : '';
  return env;
}

/** What measures servers has a process for each file. */
function filesOf(mode: Mode, scratch: Scratch): string[] {
  const files = mode.files();
  return mode.measures ? files : groupFiles(files, { root: ROOT, folder: join(scratch.dir, 'groups') });
}

async function main(): Promise<number> {
  const [name = 'all', ...chosen] = process.argv.slice(2);
  const mode = MODES[name];
  if (mode === undefined) return complain(`There is no mode ${name}; there are ${Object.keys(MODES).join(', ')}.`);

  // Beside the tests, which wait at times for their servers.
  const checking = runChecks(chosen.length > 0 ? [] : mode.checks);
  const memory = mode.measures ? null : memoryFolder();
  const scratch = createScratch(memory ?? undefined);
  const files = chosen.length > 0 ? chosen : filesOf(mode, scratch);
  let servers: TestServers | null = null;
  let code: number;
  try {
    servers = mode.servers && interrupted === null ? await startTestServers({ scratch }) : null;
    code = await runTests(files, mode, testEnv(scratch, servers), scratch);
  } finally {
    await scratch.end();
  }

  const others = servers?.report ?? [
    'PostgreSQL, MySQL/MariaDB, MongoDB, Redis: NOT RUN ON in this mode; `npm test` does',
  ];
  const here = `Node ${process.versions.node} with SQLite ${process.versions.sqlite ?? '(version unknown)'}`;
  const place = `Written to ${memory === null ? 'a temporary folder' : 'memory'}, ${filesAtATime(mode)} test file${filesAtATime(mode) === 1 ? '' : 's'} at a time`;
  console.log(['', 'This run covered:', ...[here, ...others, place].map((line) => `  ${line}`)].join('\n'));
  const failed = await checking;
  for (const [check, said] of failed) console.error(`\nBesides the tests, this failed: ${check}\n${said.trimEnd()}`);
  return code === 0 && failed.size > 0 ? 1 : code;
}

process.exitCode = await main().catch((error: unknown) =>
  complain(error instanceof Error ? error.message : String(error)),
);
