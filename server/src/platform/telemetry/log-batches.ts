/** What pino writes to. */
export interface Output {
  write(lines: string): unknown;
  flushSync(): void;
}

/** Lines are handed on before they are more characters than this, and once so many milliseconds old. */
export const BATCH = 32_768;
const BATCH_TIME = 100;
/**
 * So much is written to a pipe as a whole (PIPE_BUF on Linux), whoever else writes to it: with larger pieces, processes that share one
 * tear each other's lines apart when its reader falls behind.
 */
export const WHOLE = 4096;

/**
 * Hands lines on in large pieces: a system call for each costs as much as a fifth of answering a request. sonic-boom's own
 * `minLength` measures all that is waiting again with every line (4.2), which costs even more. At exit nothing is kept back: what
 * is left goes to `openLast()`, which must be synchronous where `output` is not. Only a line that is longer makes a piece above `size`.
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
    // Handed to an asynchronous output now, they would be on their way when the process ends.
    const last = openLast();
    last.write(lines);
    lines = '';
    last.flushSync();
  }

  return {
    write(line) {
      // Before the streams behind end themselves, which they do at exit too.
      if (!isFlushedAtExit) process.prependOnceListener('exit', flushSync);
      isFlushedAtExit = true;
      if (lines.length + line.length > size) handOn();
      lines += line;
      timer ??= setTimeout(handOn, BATCH_TIME).unref();
    },
    flushSync,
  };
}
