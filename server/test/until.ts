import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds, far above what anything here needs. */
const PATIENCE = 60_000;

/** Asks again and again until there is an answer; throws after a minute. */
export async function until<T>(what: string, ask: () => Promise<T | null | false> | T | null | false): Promise<T> {
  for (const end = performance.now() + PATIENCE; performance.now() < end; await pause(10)) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
  }
  throw new Error(`Not within ${PATIENCE} ms: ${what}`);
}
