import { resolve } from 'node:path';
import { Transform } from 'node:stream';
import type { TestEvent } from 'node:test/reporters';

/** What the reporter tells the runner, at once: nothing waits for the turn in which results are printed. */
export type Progress =
  | { what: 'file began'; file: string }
  | { what: 'test ended'; file: string }
  | { what: 'file ended'; file: string; milliseconds: number };

/** The part of an event that is read here: a file that runs in a process of its own is itself reported as a test, by its path. */
interface EventData {
  name?: string;
  file?: string;
  nesting?: number;
  details?: { duration_ms?: number };
}

function progressOf(type: string, { name = '', file, nesting, details }: EventData): Progress | null {
  if (file === undefined) return null;
  const isFile = nesting === 0 && resolve(name) === file;
  if (type === 'test:dequeue') return isFile ? { what: 'file began', file } : null;
  if (type !== 'test:complete') return null;
  return isFile ? { what: 'file ended', file, milliseconds: details?.duration_ms ?? 0 } : { what: 'test ended', file };
}

/** A reporter that prints nothing, and sends each `Progress` to the process that started the run. */
export default new Transform({
  writableObjectMode: true,
  transform({ type, data }: TestEvent, _encoding, done) {
    const progress = progressOf(type, data as EventData);
    if (progress !== null) process.send?.(progress);
    done();
  },
});
