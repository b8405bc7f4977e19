import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../server/test/fuzz/random.ts';
import { answerCalls } from '../lib/calls.ts';
import { createHttpClient, expectStatus, USER_AGENT } from '../lib/http.ts';
import { type Crowd, emailOf, PASSWORD } from '../lib/people.ts';

const HEALTH_PAUSE = 50;
/** Clients: so many that none reaches a limit. */
const ADDRESSES = 4000;
/** After so many milliseconds without an answer, nobody waits any longer. */
const PATIENCE = 30_000;

export interface OverloadRound {
  url: string;
  seconds: number;
  crowd: Crowd;
  people: number;
}

export interface OverloadResult {
  /** Milliseconds of each answer, by its status; 0: no answer. */
  took: Record<number, number[]>;
  /** Milliseconds that each request left later than it was due. */
  late: number[];
  health: number[];
}

let turn = 0;

/** A sign-in with the right password from an address of its own, on a connection of its own. */
function signIn(url: string, crowd: Crowd, people: number): Promise<{ status: number; took: number }> {
  turn += 1;
  const client = turn % ADDRESSES;
  const body = JSON.stringify({
    login: emailOf(crowd, 1 + (turn % people)),
    password: PASSWORD,
    tokenTransport: 'body',
  });
  const { hostname, port } = new URL(url);
  const headers = { 'user-agent': USER_AGENT, 'content-type': 'application/json', 'content-length': body.length };
  const localAddress = `127.1.${client >> 8}.${1 + ((client & 0xff) % 254)}`;
  const started = performance.now();
  const { promise, resolve } = Promise.withResolvers<{ status: number; took: number }>();
  const end = (status: number) => resolve({ status, took: performance.now() - started });
  const options = { hostname, port, localAddress, agent: false, method: 'POST', path: '/api/v1/auth/login', headers };
  const outgoing = request(options, (response) => {
    response.on('end', () => end(response.statusCode ?? 0));
    response.on('error', () => end(0));
    response.resume();
  });
  outgoing.setTimeout(PATIENCE, () => outgoing.destroy());
  outgoing.on('error', () => end(0));
  outgoing.end(body);
  return promise;
}

async function watchHealth(url: string, until: number): Promise<number[]> {
  const probe = createHttpClient(url);
  const took: number[] = [];
  while (performance.now() < until) {
    const answer = await probe('GET', '/health');
    expectStatus(answer, 200);
    took.push(answer.took);
    await sleep(HEALTH_PAUSE);
  }
  return took;
}

answerCalls({
  /** As many sign-ins at a time as keep the server busy and let nobody wait for long; answers how many a second went well. */
  async capacity({ url, seconds, crowd, people, clients }: OverloadRound & { clients: number }): Promise<number> {
    const started = performance.now();
    const until = started + seconds * 1000;
    let count = 0;
    async function repeatedly() {
      while (performance.now() < until) {
        const { status } = await signIn(url, crowd, people);
        if (status !== 200) throw new Error(`${status} instead of 200`);
        count += 1;
      }
    }
    await Promise.all(Array.from({ length: clients }, repeatedly));
    return count / ((performance.now() - started) / 1000);
  },

  /** So many sign-ins a second, each when it is due by chance (a Poisson process), whatever became of those before. */
  async round({ url, seconds, crowd, people, rate }: OverloadRound & { rate: number }): Promise<OverloadResult> {
    const random = createRandom(1, 0);
    const started = performance.now();
    const until = started + seconds * 1000;
    const took: Record<number, number[]> = {};
    const late: number[] = [];
    const underWay: Promise<void>[] = [];
    const health = watchHealth(url, until);
    for (let due = started; due < until; due += (-Math.log(1 - random.int(1e9) / 1e9) * 1000) / rate) {
      const early = due - performance.now();
      if (early > 0) await sleep(early);
      late.push(Math.max(0, performance.now() - due));
      underWay.push(
        signIn(url, crowd, people).then((answer) => {
          const alike = took[answer.status] ?? [];
          alike.push(answer.took);
          took[answer.status] = alike;
        }),
      );
    }
    await Promise.all(underWay);
    return { took, late, health: await health };
  },
});
