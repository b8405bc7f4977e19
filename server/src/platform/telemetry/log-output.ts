import { write, writeSync } from 'node:fs';
import type { Output } from './log-batches.ts';

/** Characters that wait for a reader that has fallen behind or a disk that is full; beyond that, lines are lost instead of memory. */
const ROOM = 8 * 1024 * 1024;
/** Milliseconds between two tries to write what could not be written. */
const RETRY = 100;
/** At the end of the process nobody is waited for longer. Milliseconds. */
const LAST_WAIT = 1000;
const LAST_RETRY = 10;
const NOTHING = Buffer.alloc(0);

/**
 * Writes to an open file without ever holding up or ending the process: a full disk, a reader that is slow, and one that is gone cost
 * lines of the log and nothing else. sonic-boom (4.2), which pino would take, ends the process at an error, and while it ends tries
 * again for ever, with the port still open. `onLost` gets how many pieces were lost once there is room again; `piece`: characters that
 * are written at once, at most, unless one write is longer.
 */
export function createLogOutput(
  fd: number,
  { piece, room = ROOM, onLost = () => {} }: { piece: number; room?: number; onLost?: (pieces: number) => void },
): Output {
  const waiting: string[] = [];
  let length = 0;
  let lost = 0;
  let current: Buffer = NOTHING;
  let isWriting = false;
  let isOver = false;
  let isFlushedAtExit = false;
  let retry: NodeJS.Timeout | undefined;

  function take(): Buffer {
    let text = waiting.shift() ?? '';
    while (waiting[0] !== undefined && text.length + waiting[0].length <= piece) text += waiting.shift();
    length -= text.length;
    return Buffer.from(text);
  }

  function goOn(): void {
    if (isWriting || retry) return;
    if (current.length === 0) current = take();
    if (current.length === 0) return;
    isWriting = true;
    write(fd, current, (error, written) => {
      isWriting = false;
      if (error) return failed(error);
      current = current.subarray(written);
      if (lost > 0 && length < room / 2) {
        onLost(lost);
        lost = 0;
      }
      goOn();
    });
  }

  function failed({ code }: NodeJS.ErrnoException): void {
    if (code === 'EPIPE') {
      // Nobody will ever read it.
      isOver = true;
      waiting.length = 0;
      current = NOTHING;
      return;
    }
    retry = setTimeout(() => {
      retry = undefined;
      goOn();
    }, RETRY).unref();
  }

  function flushSync(): void {
    // What is being written is in the hands of another thread, which finishes it.
    let rest = isWriting ? NOTHING : current;
    do {
      rest = writeWhole(fd, rest.length > 0 ? rest : take());
    } while (rest.length === 0 && waiting.length > 0);
    if (!isWriting) current = rest;
  }

  return {
    write(lines) {
      if (isOver) return;
      // Only now: a log that never says anything leaves no listener with the process.
      if (!isFlushedAtExit) process.once('exit', flushSync);
      isFlushedAtExit = true;
      if (length + lines.length > room) {
        lost += 1;
        return;
      }
      waiting.push(lines);
      length += lines.length;
      goOn();
    },
    flushSync,
  };
}

/** Where the process is about to end: writes at once, or not at all. */
export function createLastOutput(fd: number): Output {
  return { write: (lines) => void writeWhole(fd, Buffer.from(lines)), flushSync() {} };
}

/** Waits for a slow reader for a moment; answers what is left. */
function writeWhole(fd: number, bytes: Buffer): Buffer {
  const until = performance.now() + LAST_WAIT;
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > until) return rest;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_RETRY);
    }
  }
  return rest;
}
