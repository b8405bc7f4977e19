import type { TestEvent } from 'node:test/reporters';

/** A reporter that writes nothing but how many tests ran, as one number, for the runner to read. */
export default async function* countTests(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    // Each file has a summary of its own; the one without a file is that of the whole run.
    if (event.type === 'test:summary' && event.data.file === undefined) yield `${event.data.counts.tests}\n`;
  }
}
