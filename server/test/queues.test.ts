import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { queueContract } from '../src/platform/queue/queue.contract.ts';
import { type FreshDatabase, testDatabases } from './databases.ts';
import { type Carrier, forgetPrefix, openCarrier } from './queue-world.ts';

const redis = process.env.TEST_REDIS_URL;

test('which queues the contract ran on', (t) => {
  t.diagnostic(`the table on ${testDatabases().map(({ name }) => name)}`);
  t.diagnostic(redis ? 'BullMQ on the Redis of TEST_REDIS_URL' : 'TEST_REDIS_URL names none: NOT on BullMQ');
});

/** The tests of one carrier come one after the other, beside those of the other carriers: most of their time they wait for a queue. */
describe('the queue', { concurrency: true }, () => {
  for (const { name, freshUrl } of testDatabases()) {
    describe(`jobs in a table on ${name}`, { concurrency: false }, () => {
      let fresh: FreshDatabase;
      let shared: Carrier;
      before(async () => {
        fresh = await freshUrl();
        shared = await openCarrier(fresh.url, '');
      });
      after(async () => {
        await shared.close();
        await fresh.drop();
      });
      // Each test has names of its own.
      queueContract(async () => ({ ...shared, close: async () => {} }));
    });
  }

  if (redis) {
    describe('jobs in Redis, by BullMQ', { concurrency: false }, () => {
      queueContract(async () => {
        const prefix = `{queues-${randomUUID()}}`;
        const carrier = await openCarrier(redis, prefix);
        const close = async () => {
          await carrier.close();
          await forgetPrefix(redis, prefix);
        };
        return { ...carrier, close };
      });
    });
  }
});
