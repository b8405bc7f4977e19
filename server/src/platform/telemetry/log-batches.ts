/** The stream that pino writes to. */
export interface Output {
  write(lines: string): unknown;
  flushSync(): void;
}

/** Maximum characters of a batch, and milliseconds until a line is written. */
export const BATCH = 32_768;
const BATCH_TIME = 100;
/**
 * Writes of this size to a pipe are atomic (PIPE_BUF on Linux): with larger ones, processes that share a pipe split each other's lines
 * when its reader falls behind.
 */
export const WHOLE = 4096;

/**
 * Writes lines in batches: a system call per line costs a fifth of answering a request. sonic-boom's own
 * `minLength` measures the whole buffer with every line (4.2), which costs even more. At exit, the rest is
 * written to `openLast()`, which must be synchronous if `output` is not. Only a longer line makes a batch above `size`.
 */
export function inBatches(output: Output, openLast: () => Output = () => output, size = BATCH): Output {
  let lines = '';
  let timer: NodeJS.Timeout | undefined;
  let isFlushedAtExit = false;

  function handOn(): void {
    clearTimeout(timer);
    timer = undefined;
    if (lines !== '') output.write(lines);
    lines = '';
  }

  function flushSync(): void {
    clearTimeout(timer);
    timer = undefined;
    output.flushSync();
    if (lines === '') return;
    // An asynchronous output would still be writing them when the process ends.
    const last = openLast();
    last.write(lines);
    lines = '';
    last.flushSync();
  }

  return {
    write(line) {
      // Before the underlying streams end, which they also do at exit.
      if (!isFlushedAtExit) process.prependOnceListener('exit', flushSync);
      isFlushedAtExit = true;
      if (lines.length + line.length > size) handOn();
      lines += line;
      timer ??= setTimeout(handOn, BATCH_TIME).unref();
    },
    flushSync,
  };
}
