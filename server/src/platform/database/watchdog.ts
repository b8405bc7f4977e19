import { lapse } from './time-limit.ts';
import type { TimeLimits } from './time-limits.ts';

/**
 * Milliseconds after which an unanswered statement causes a probe of the server. With a check every tenth of a second and half a
 * second for the probe (`TimeLimits.probe`), a silent server costs no request more than a second.
 */
const SUSPICION = 300;
const LOOK = 100;
/** Milliseconds for which a server that answered a probe counts as slow, not lost. */
const TRUST = 300;

/** Returns the result of `work`; rejects if the server is lost meanwhile, or if it takes too long. */
export type Watch = <T>(work: Promise<T>) => Promise<T>;

export const noWatch: Watch = (work) => work;

/**
 * Watches work that waits for a server, for at most `answer` milliseconds. A connection to a crashed machine or through a firewall that
 * dropped it looks open until the kernel gives up after minutes; a new connection distinguishes that from a slow
 * statement. `probe` resolves when the server answers at all.
 */
export function createWatchdog(
  { answer, probe: probeLimit }: Pick<TimeLimits, 'answer' | 'probe'>,
  probe: () => Promise<unknown>,
): Watch {
  const pending = new Map<(error: unknown) => void, number>();
  let looking: NodeJS.Timeout | undefined;
  let probing = false;
  let trustedUntil = 0;

  function failOlderThan(start: number, error: Error): void {
    for (const [fail, begun] of pending) {
      if (begun > start) return;
      fail(error);
    }
  }

  async function look(): Promise<void> {
    const now = performance.now();
    failOlderThan(now - answer, silence('No answer in time.'));
    const [oldest] = pending.values();
    if (oldest === undefined) {
      clearInterval(looking);
      looking = undefined;
      return;
    }
    if (probing || now - oldest < SUSPICION || now < trustedUntil) return;
    probing = true;
    const silent = await Promise.race([probe().then(() => null, silenceBy), silenceAfter(probeLimit)]);
    probing = false;
    if (silent) failOlderThan(now, silent);
    else trustedUntil = performance.now() + TRUST;
  }

  return (work) =>
    new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        pending.delete(fail);
        reject(error);
      };
      pending.set(fail, performance.now());
      looking ??= setInterval(look, LOOK).unref();
      work.then((value) => {
        pending.delete(fail);
        resolve(value);
      }, fail);
    });
}

function silence(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: 'ETIMEDOUT' });
}

function silenceBy(cause: unknown): Error {
  return silence('The server is lost.', cause);
}

async function silenceAfter(milliseconds: number): Promise<Error> {
  await lapse(milliseconds);
  return silence('The server does not answer.');
}
