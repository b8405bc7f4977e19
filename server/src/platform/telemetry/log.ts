import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { SECOND } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { BATCH, inBatches, type Output, WHOLE } from './log-batches.ts';
import { createLastOutput, createLogOutput } from './log-output.ts';
import { textLines } from './log-text.ts';
import { redact } from './redact.ts';

export type { Logger } from 'pino';

const STDOUT = 1;
/** Size at which a log file is rotated, and number of old files that are kept. */
const FILE_SIZE = '20m';
const FILES_KEPT = 10;
/** Milliseconds after which a log file that could not be written is opened again. */
const REOPEN = 60 * SECOND;
/** Readable by owner and group: logs contain names and addresses. */
const FILE_MODE = 0o640;

/**
 * The process's log: JSON lines, or text for people, on standard output and, if asked, in a rotating file
 * (`app.log` becomes `app.1.log`, `app.2.log` …). Fields with secrets are redacted. It is written asynchronously;
 * the buffer is flushed at exit and by `fatal`. Lines that cannot be written are lost, and the server continues. `shared`: other processes
 * write to the same standard output.
 */
export function createLog(config: Config['log'], { shared = false } = {}): Logger {
  const log = pino(
    logOptions(config.level),
    destination(config, shared, {
      onLost: (pieces) => log.warn({ pieces }, 'standard output could not be written; a part of the log is lost'),
      onFileFailed: (err) =>
        log.error({ err }, `the log file cannot be written; it is opened again in ${REOPEN / SECOND} s`),
    }),
  );
  return log;
}

/** The common options of all our loggers; tests use them with their own stream. */
export function logOptions(level: Config['log']['level']): LoggerOptions {
  return {
    level,
    base: { pid: process.pid },
    timestamp: createTimestamp(),
    formatters: { level: (label) => ({ level: label }), log: (fields) => redact(fields) },
    serializers: { err: serializeError },
  };
}

/**
 * Writes finished JSON lines to the stream of a logger, for the line of every request: `start` is the beginning of
 * each of its lines, and the rest must already be JSON. Making the line from an object, as pino does, would cost a tenth of
 * the throughput.
 */
export function createLineWriter(log: Logger): { start: () => string; write: (line: string) => void } {
  const { [pino.symbols.streamSym]: stream } = log as unknown as Record<symbol, DestinationStream>;
  if (stream === undefined) throw new TypeError('This logger has no stream.');
  const timestamp = createTimestamp();
  const pid = `,"pid":${process.pid}`;
  return { start: () => `{"level":"info"${timestamp()}${pid}`, write: (line) => stream.write(line) };
}

/** The `code` of an error identifies it (`ECONNREFUSED`), so it is not redacted. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, ...fields } = pino.stdSerializers.err(error);
  return code === undefined ? redact(fields) : { ...redact(fields), code };
}

/** ISO 8601 with milliseconds, formatted at most once per millisecond. */
function createTimestamp(): () => string {
  let last = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== last) {
      last = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

interface Failures {
  onLost(pieces: number): void;
  onFileFailed(error: unknown): void;
}

function destination({ format, file }: Config['log'], shared: boolean, failures: Failures): Output {
  const piece = shared ? WHOLE : BATCH;
  const output = createLogOutput(STDOUT, { piece, onLost: failures.onLost });
  // Text is for people who watch it: each line at once.
  const shown = format === 'text' ? textLines(output) : inBatches(output, () => createLastOutput(STDOUT), piece);
  return file === null ? shown : both(shown, inBatches(rotatingFile(file, failures.onFileFailed)));
}

/** Written by a separate thread. A full disk ends it: its lines are lost, and later a new thread starts. */
function rotatingFile(file: string, onFailed: (error: unknown) => void): Output {
  let thread: ReturnType<typeof pino.transport> | null = null;
  let nextOpening = Number.NEGATIVE_INFINITY;

  function open(): void {
    nextOpening = performance.now() + REOPEN;
    const opened = pino.transport({
      target: 'pino-roll',
      options: { file, size: FILE_SIZE, limit: { count: FILES_KEPT }, mkdir: true, mode: FILE_MODE },
    });
    opened.on('error', (error: unknown) => {
      if (thread !== opened) return;
      thread = null;
      onFailed(error);
    });
    thread = opened;
  }

  open();
  return {
    write(lines) {
      if (thread === null && performance.now() >= nextOpening) open();
      thread?.write(lines);
    },
    flushSync: () => thread?.flushSync(),
  };
}

function both(first: Output, second: Output): Output {
  return {
    write(line) {
      first.write(line);
      second.write(line);
    },
    flushSync() {
      first.flushSync();
      second.flushSync();
    },
  };
}
