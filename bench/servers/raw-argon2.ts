import { hash, verify } from '@node-rs/argon2';
import { answerCalls } from '../lib/calls.ts';

/** argon2id alone: as many comparisons at a time as the server makes, and nothing else. */
answerCalls({
  async round({ seconds, concurrency, stored, password }: Round) {
    const until = performance.now() + seconds * 1000;
    const started = performance.now();
    let count = 0;
    async function work() {
      while (performance.now() < until) {
        if (!(await verify(stored, password))) throw new Error('the password should match');
        count++;
      }
    }
    await Promise.all(Array.from({ length: concurrency }, work));
    return count / ((performance.now() - started) / 1000);
  },
  hash: (password: string) => hash(password),
});

interface Round {
  seconds: number;
  concurrency: number;
  stored: string;
  password: string;
}
