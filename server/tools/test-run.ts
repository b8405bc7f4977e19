import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Progress } from './test-progress.ts';

export interface TestRun {
  /** What Node says: 0 when all passed; 1 also for a run that was ended because it hung. */
  code: number;
  /** How many tests ended. */
  tests: number;
  /** How long each file took from the start of its process to its end, in milliseconds. */
  files: Map<string, number>;
  /** The files that were under way when the run was ended because nothing happened; empty otherwise. */
  hanging: string[];
}

export interface TestRunOptions {
  /** Arguments of `node --test`: files and options. */
  args: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Milliseconds without the end of any test or file after which the run hangs and is ended; without it nothing ends a run. */
  silenceLimit?: number | undefined;
  /** Where results are written instead of standard output. */
  output?: string;
  /** Told the process of the run, when it starts. */
  onStart?: (child: ChildProcess) => void;
}

/** Milliseconds that Node has to name what it interrupts, and to end its processes. */
const TIME_TO_END = 10_000;

/**
 * Runs tests with `node --test`, and ends the run when it hangs: no test has ended for `silenceLimit`, whatever the whole takes. So a
 * slow machine needs only more time, and a test, hook or open handle that never ends is found all the same.
 */
export async function runTestFiles(options: TestRunOptions): Promise<TestRun> {
  const { args, cwd, env, silenceLimit, output = 'stdout' } = options;
  const reporters = [
    ['--test-reporter=spec', `--test-reporter-destination=${output}`],
    [`--test-reporter=${join(import.meta.dirname, 'test-progress.ts')}`, '--test-reporter-destination=stdout'],
  ];
  const preload = `--require=${join(import.meta.dirname, 'test-promises.ts')}`;
  const child = spawn(process.execPath, [preload, '--test', ...reporters.flat(), ...args], {
    cwd,
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  options.onStart?.(child);

  const underWay = new Set<string>();
  const files = new Map<string, number>();
  let tests = 0;
  let hanging: string[] = [];
  let killer: NodeJS.Timeout | undefined;
  const end = () => {
    hanging = [...underWay];
    child.kill('SIGTERM');
    killer = setTimeout(() => child.kill('SIGKILL'), TIME_TO_END);
  };
  const silence = silenceLimit === undefined ? undefined : setTimeout(end, silenceLimit);

  child.on('message', (message) => {
    // What Node says of the files that are ended here is no progress.
    if (killer !== undefined) return;
    const progress = message as Progress;
    if (progress.what === 'file began') underWay.add(progress.file);
    if (progress.what === 'file ended') {
      underWay.delete(progress.file);
      files.set(progress.file, progress.milliseconds);
    }
    if (progress.what === 'test ended') tests++;
    silence?.refresh();
  });

  const disconnected = once(child, 'disconnect');
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  await disconnected;
  clearTimeout(silence);
  clearTimeout(killer);
  const ended = code ?? 128 + constants.signals[signal ?? 'SIGKILL'];
  return { code: killer === undefined ? ended : 1, tests, files, hanging };
}
