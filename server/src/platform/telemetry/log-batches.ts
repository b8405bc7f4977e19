/** What pino writes to. */
export interface Output {
  write(lines: string): unknown;
  flushSync(): void;
}

/** Lines are handed on once so many characters or milliseconds have come together. */
const BATCH = 32_768;
const BATCH_TIME = 100;

/**
 * Hands lines on in large pieces: a system call for each costs as much as a fifth of answering a request. sonic-boom's own
 * `minLength` measures all that is waiting again with every line (4.2), which costs even more. At exit nothing is kept back: what
 * is left goes to `openLast()`, which must be synchronous where `output` is not.
 */
export function inBatches(output: Output, openLast: () => Output = () => output): Output {
  let lines = '';
  let timer: NodeJS.Timeout | undefined;

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

  // Before the streams behind end themselves, which they do at exit too.
  process.prependOnceListener('exit', flushSync);
  return {
    write(line) {
      lines += line;
      if (lines.length >= BATCH) handOn();
      else timer ??= setTimeout(handOn, BATCH_TIME).unref();
    },
    flushSync,
  };
}
