import { answerCalls } from '../lib/calls.ts';
import { createHttpClient, expectStatus } from '../lib/http.ts';
import { type Crowd, emailOf } from '../lib/people.ts';
import { signIn, type Tokens } from '../lib/sign-in.ts';
import type { RequestsResult } from './requests.ts';

/** The refresh token that each client holds. */
let chains: string[] = [];

answerCalls({
  /** Signs so many clients in, each with a session of its own. */
  async prepare({ url, clients, crowd }: { url: string; clients: number; crowd: Crowd }): Promise<void> {
    chains = [];
    for (let index = 1; index <= clients; index++) {
      chains.push((await signIn(url, emailOf(crowd, index))).refreshToken);
    }
  },

  /** Every client replaces its token again and again; answers how many refreshes there were. */
  async round({ url, seconds }: { url: string; seconds: number }): Promise<RequestsResult> {
    const send = createHttpClient(url);
    const started = performance.now();
    const until = started + seconds * 1000;
    let requests = 0;
    async function rotate(client: number) {
      while (performance.now() < until) {
        const body = { refreshToken: chains[client] };
        chains[client] = expectStatus<Tokens>(await send('POST', '/api/v1/auth/refresh', { body }), 200).refreshToken;
        requests++;
      }
    }
    await Promise.all(chains.keys().map(rotate));
    return { requests, duration: (performance.now() - started) / 1000 };
  },
});
