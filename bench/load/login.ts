import { setTimeout as sleep } from 'node:timers/promises';
import { answerCalls } from '../lib/calls.ts';
import { createHttpClient, expectStatus } from '../lib/http.ts';
import { type Crowd, emailOf, PASSWORD } from '../lib/people.ts';

/** Milliseconds between two looks at `/health`. */
const HEALTH_PAUSE = 5;

export interface LoginRound {
  url: string;
  seconds: number;
  /** Sign-ins under way at a time. */
  clients: number;
  crowd: Crowd;
  people: number;
}

export interface LoginResult {
  perSecond: number;
  /** Milliseconds of each answer of `/health` meanwhile. */
  health: number[];
}

let turn = 0;

answerCalls({
  async round({ url, seconds, clients, crowd, people }: LoginRound): Promise<LoginResult> {
    const send = createHttpClient(url);
    const probe = createHttpClient(url);
    const started = performance.now();
    const until = started + seconds * 1000;
    const health: number[] = [];
    let count = 0;

    async function signInRepeatedly() {
      while (performance.now() < until) {
        const body = { login: emailOf(crowd, 1 + (turn++ % people)), password: PASSWORD, tokenTransport: 'body' };
        expectStatus(await send('POST', '/api/v1/auth/login', { body }), 200);
        count++;
      }
    }
    async function watchHealth() {
      while (performance.now() < until) {
        const answer = await probe('GET', '/health');
        expectStatus(answer, 200);
        health.push(answer.took);
        await sleep(HEALTH_PAUSE);
      }
    }
    await Promise.all([watchHealth(), ...Array.from({ length: clients }, signInRepeatedly)]);
    return { perSecond: count / ((performance.now() - started) / 1000), health };
  },
});
