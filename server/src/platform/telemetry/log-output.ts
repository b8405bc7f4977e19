import { write, writeSync } from 'node:fs';
import type { Output } from './log-batches.ts';

/** Maximum characters that wait for a slow reader or a full disk; beyond that, lines are dropped to save memory. */
const ROOM = 8 * 1024 * 1024;
/** Milliseconds between two attempts to write. */
const RETRY = 100;
/** Maximum milliseconds to wait for a reader at the end of the process. */
const LAST_WAIT = 1000;
const LAST_RETRY = 10;
const NOTHING = Buffer.alloc(0);

/**
 * Writes to an open file without ever blocking or ending the process: a full disk, and a slow or closed reader, cost
 * log lines and nothing else. sonic-boom (4.2), pino's default, ends the process at an error, and at the end retries
 * forever, with the port still open. `onLost` gets the number of lost pieces once there is room again; `piece`: maximum characters
 * per write, unless one write is longer.
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
      // The reader is gone for good.
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
    // Another thread finishes the current write.
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

/** For the end of the process: writes at once, or not at all. */
export function createLastOutput(fd: number): Output {
  return { write: (lines) => void writeWhole(fd, Buffer.from(lines)), flushSync() {} };
}

/** Waits briefly for a slow reader; returns the rest. */
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
