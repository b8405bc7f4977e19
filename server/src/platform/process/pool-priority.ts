import { readdirSync, readFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

const THREADS = '/proc/self/task';
/** Name of the threads of libuv's pool. */
const POOL_THREAD = 'libuv-worker';
/** With this nice value a thread gets a third of the time of another thread on the same core. */
const NICER = 5;

/**
 * Gives the event loop priority over the threads that hash passwords. Otherwise a flood of sign-ins keeps the loop
 * from running, connections wait for seconds, and nothing is refused in time. File access and name look-ups share these threads,
 * and are short. Returns the number of threads; 0 if the system is not Linux or does not permit it.
 */
export function lowerPoolPriority(): number {
  const priority = Math.min(getPriority() + NICER, constants.priority.PRIORITY_LOW);
  let count = 0;
  try {
    for (const thread of readdirSync(THREADS)) {
      if (readFileSync(`${THREADS}/${thread}/comm`, 'utf8').trimEnd() !== POOL_THREAD) continue;
      // On Linux this accepts the id of a thread as well as of a process.
      setPriority(Number(thread), priority);
      count += 1;
    }
  } catch {
    // Without it, answers are slower in a flood.
  }
  return count;
}
