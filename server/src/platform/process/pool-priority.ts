import { readdirSync, readFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

const THREADS = '/proc/self/task';
/** What libuv calls the threads of its pool. */
const POOL_THREAD = 'libuv-worker';
/** By so much nicer, a thread gets a third of what another gets that wants the same core. */
const NICER = 5;

/**
 * Lets the threads that hash passwords give way to the event loop where cores are scarce. Otherwise a flood of sign-ins keeps the loop
 * from running, connections wait for seconds to be taken, and nobody is turned away in time. Files and name look-ups share these threads,
 * and are short. Answers how many threads there were; 0 where the system is not Linux or does not let us.
 */
export function lowerPoolPriority(): number {
  const priority = Math.min(getPriority() + NICER, constants.priority.PRIORITY_LOW);
  let count = 0;
  try {
    for (const thread of readdirSync(THREADS)) {
      if (readFileSync(`${THREADS}/${thread}/comm`, 'utf8').trimEnd() !== POOL_THREAD) continue;
      // On Linux this takes the id of a thread as well as that of a process.
      setPriority(Number(thread), priority);
      count += 1;
    }
  } catch {
    // Slower to answer in a flood, and nothing else.
  }
  return count;
}
