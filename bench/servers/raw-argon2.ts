import { hash, verify } from '@node-rs/argon2';
import { answerCalls } from '../lib/calls.ts';
import type { RequestsResult } from '../load/requests.ts';

export interface Argon2Round {
  seconds: number;
  concurrency: number;
  stored: string;
  password: string;
}

/** argon2id alone: as many comparisons at a time as the server makes, and nothing else. */
answerCalls({
  async round({ seconds, concurrency, stored, password }: Argon2Round): Promise<RequestsResult> {
    const until = performance.now() + seconds * 1000;
    const started = performance.now();
    let requests = 0;
    async function work() {
      while (performance.now() < until) {
        if (!(await verify(stored, password))) throw new Error('the password should match');
        requests++;
      }
    }
    await Promise.all(Array.from({ length: concurrency }, work));
    return { requests, duration: (performance.now() - started) / 1000 };
  },
  hash: (password: string) => hash(password),
});
