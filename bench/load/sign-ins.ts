import { setTimeout as sleep } from 'node:timers/promises';
import { answerCalls } from '../lib/calls.ts';
import { createHttpClient, expectStatus } from '../lib/http.ts';
import type { RequestsResult } from './requests.ts';

export interface SignInsRound {
  url: string;
  path: string;
  headers: Record<string, string>;
  /** What is sent in turn, one body for each person. */
  bodies: unknown[];
  /** Sign-ins under way at a time. */
  clients: number;
  /** Until so many seconds are over or so many are done, whichever comes first. */
  seconds?: number;
  count?: number;
  /** Whether one who is told 503 tries again: on a busy machine the server sheds load, where only what it does counts and not how soon. */
  triesAgain?: boolean;
}

/** Milliseconds until the next try. */
const PAUSE = 100;

const FOREVER = Number.POSITIVE_INFINITY;

let turn = 0;

answerCalls({
  /** Signs one person after another in, at whatever path and with whatever body a server wants. Throws where one does not get 200. */
  async round(round: SignInsRound): Promise<RequestsResult> {
    const { url, path, headers, bodies, clients, seconds = FOREVER, count = FOREVER, triesAgain } = round;
    const send = createHttpClient(url);
    const started = performance.now();
    const until = started + seconds * 1000;
    let requests = 0;
    async function signInRepeatedly() {
      while (performance.now() < until && requests < count) {
        requests++;
        const body = bodies[turn++ % bodies.length];
        let answer = await send('POST', path, { headers, body });
        while (triesAgain && answer.status === 503) {
          await sleep(PAUSE);
          answer = await send('POST', path, { headers, body });
        }
        expectStatus(answer, 200);
      }
    }
    await Promise.all(Array.from({ length: clients }, signInRepeatedly));
    return { requests, duration: (performance.now() - started) / 1000 };
  },
});
