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
 * `minLength` measures all that is waiting again with every line (4.2), which costs even more. At exit nothing is kept back.
 */
export function inBatches(output: Output): Output {
  let lines = '';
  let timer: NodeJS.Timeout | undefined;

  function handOn(): void {
    clearTimeout(timer);
    timer = undefined;
    if (lines !== '') output.write(lines);
    lines = '';
  }

  function flushSync(): void {
    handOn();
    output.flushSync();
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
