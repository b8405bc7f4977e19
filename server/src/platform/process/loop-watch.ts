import { getCompileCacheDir } from 'node:module';
import { dirname, extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { MINUTE } from '../clock.ts';
import type { Logger } from '../telemetry/log.ts';

/** Milliseconds between two beats of the event loop. */
const BEAT = 250;
/** Milliseconds for which the readiness check tells of a stall. */
const TOLD_FOR = 1 * MINUTE;
/** MiB for the thread, which keeps nothing. */
const THREAD_MEMORY = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 };

/** What the thread tells of a stall: its length in milliseconds, and the calls that ran, the innermost first; empty if unknown. */
export interface Stall {
  lasted: number;
  calls: string[];
}

/** Places in the memory that both threads share. */
export const SHARED = { beats: 0, isServing: 1 } as const;

export interface LoopWatch {
  /** From now on a second is a stall: a start may load code for longer. */
  serving(): void;
  /** False for a minute after the event loop stood still for a second. */
  isWell(): boolean;
  stop(): void;
}

/**
 * Watches the event loop of this process from a thread of its own, since a loop that stands can tell nobody: `watchLoop({ log, format })`.
 * A stall of a second, or of ten during the start, is logged with what ran meanwhile; one that lasts longer is also told by the thread while it lasts.
 */
export function watchLoop({ log, format }: { log: Logger; format: 'json' | 'text' }): LoopWatch {
  const shared = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  const heart = setInterval(() => Atomics.add(shared, SHARED.beats, 1), BEAT).unref();
  let stalledAt = Number.NEGATIVE_INFINITY;
  // As this file: an installed package has JavaScript.
  const thread = new Worker(new URL(`./loop-watch-thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: { shared, format },
    resourceLimits: THREAD_MEMORY,
    // Not the flags of this process, which may be about its own program.
    execArgv: [],
    env: { ...process.env, ...compileCache() },
  });
  thread.on('message', ({ lasted, calls }: Stall) => {
    stalledAt = performance.now();
    log.warn({ lasted: Math.round(lasted), calls }, 'the event loop stood still: nothing was answered meanwhile');
  });
  thread.on('error', (error) => log.warn({ err: error }, 'the event loop is not watched any more'));
  // After the listeners, each of which would keep the process alive.
  thread.unref();
  return {
    serving: () => void Atomics.store(shared, SHARED.isServing, 1),
    isWell: () => performance.now() - stalledAt > TOLD_FOR,
    stop() {
      clearInterval(heart);
      void thread.terminate();
    },
  };
}

/** A thread reads no compiled code unless its environment names the folder, and stripping its types would take 12 MB that it never returns. */
function compileCache(): { NODE_COMPILE_CACHE?: string } {
  // In this folder Node has one for each version, user and kind of machine.
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}
