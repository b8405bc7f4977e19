import { setImmediate as afterInput, setTimeout as pause } from 'node:timers/promises';

/**
 * Milliseconds after which an unanswered statement raises the question whether the server is still there. With a look
 * every tenth of a second and half a second for the probe, a server that fell silent costs nobody more than a second.
 */
const SUSPICION = 300;
const LOOK = 100;
const PROBE_LIMIT = 500;
/** Milliseconds for which a server that answered a probe is trusted to be merely slow. */
const TRUST = 300;

/** Gives what `work` gives; rejects when the server turns out to be gone meanwhile. */
export type Watch = <T>(work: Promise<T>) => Promise<T>;

export const noWatch: Watch = (work) => work;

/**
 * Watches statements that wait for a server. Connections that a crashed machine or a firewall left behind look open until
 * the kernel gives up on them after minutes; a fresh connection tells the difference between that and a slow statement.
 * `probe` resolves when the server says anything at all.
 */
export function createWatchdog(probe: () => Promise<unknown>): Watch {
  const pending = new Map<(error: unknown) => void, number>();
  let looking: NodeJS.Timeout | undefined;
  let probing = false;
  let trustedUntil = 0;

  async function look(): Promise<void> {
    const [oldest] = pending.values();
    if (oldest === undefined) {
      clearInterval(looking);
      looking = undefined;
      return;
    }
    const now = performance.now();
    if (probing || now - oldest < SUSPICION || now < trustedUntil) return;
    probing = true;
    const silent = await Promise.race([probe().then(() => null, silence), silenceAfter(PROBE_LIMIT)]);
    probing = false;
    trustedUntil = silent ? 0 : performance.now() + TRUST;
    if (!silent) return;
    for (const [reject, start] of pending) {
      if (start <= now) reject(silent);
    }
  }

  return (work) =>
    new Promise((resolve, reject) => {
      pending.set(reject, performance.now());
      looking ??= setInterval(look, LOOK);
      work.then(resolve, reject).finally(() => pending.delete(reject));
    });
}

function silence(cause: unknown): Error {
  return Object.assign(new Error('The server fell silent.', { cause }), { code: 'ETIMEDOUT' });
}

async function silenceAfter(limit: number): Promise<Error> {
  await pause(limit);
  // A process that was busy itself sees its timers before the answer that has long been there.
  await afterInput();
  await afterInput();
  return silence(null);
}
