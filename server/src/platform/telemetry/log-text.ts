import type { Output } from './log-batches.ts';

/** Converts each JSON line to text: time, level, message, then the fields as `name=value`. */
export function textLines(output: Output): Output {
  return {
    write: (line) => output.write(toText(line)),
    flushSync: () => output.flushSync(),
  };
}

/** One line of text for one line of JSON; the stack of an error follows on lines of its own, indented. */
export function toText(line: string): string {
  const { time, level, msg = '', pid: _pid, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const head = [String(time), String(level).toUpperCase().padEnd(5), plain(String(msg))];
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`);
  return `${[...head, ...pairs].join(' ')}\n${errorLines(err)}`;
}

function errorLines(err: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const { stack, message } = err as { stack?: unknown; message?: unknown };
  const lines = String(stack ?? message ?? '').split('\n');
  return lines.map((line) => `    ${plain(line)}\n`).join('');
}

/** Quotes values that could be read as another field or, with a line break, as another line (log injection). */
function shown(value: unknown): string {
  if (typeof value === 'string' && /^[\x21\x23-\x7e]+$/.test(value)) return value;
  return JSON.stringify(value);
}

/** Control characters could change the display of a terminal. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}
