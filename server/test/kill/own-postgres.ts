import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCluster } from '../../tools/test-servers/postgres.ts';
import { createScratch } from '../../tools/test-servers/scratch.ts';
import { onFreePort } from '../../tools/test-servers/server-process.ts';

export interface OwnPostgres {
  url: string;
  /** SIGINT ends it in order, at once for whoever is connected; SIGKILL leaves it no time for anything. Resolves when it is gone. */
  end(signal: 'SIGINT' | 'SIGKILL'): Promise<void>;
  /** Starts it again on the same files and port; resolves when it answers. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** After a kill, processes that serve connections hold on to its memory until they see that it is gone. */
const START_TRIES = 20;
const START_PAUSE = 250;

/** A PostgreSQL of this test's own that can be ended and started again; null where there is no program for it. */
export async function openOwnPostgres(): Promise<OwnPostgres | null> {
  const scratch = createScratch();
  const startAt = await createCluster(scratch, { durable: true });
  if (startAt === null) {
    await scratch.end();
    return null;
  }
  let running = await onFreePort(startAt);
  const { url } = running;
  return {
    url,
    async end(signal) {
      const ended = once(running.child, 'exit');
      assert.ok(running.child.kill(signal));
      await ended;
    },
    async start() {
      for (let tries = 1; ; tries++) {
        try {
          running = await startAt(Number(new URL(url).port));
          return;
        } catch (error) {
          if (tries === START_TRIES) throw error;
          await sleep(START_PAUSE);
        }
      }
    },
    remove: () => scratch.end(),
  };
}
