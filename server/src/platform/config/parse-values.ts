import { resolve } from 'node:path';
import { DAY, HOUR, MINUTE, SECOND } from '../clock.ts';
import { InvalidValue } from './config-error.ts';

/** Parses the trimmed, non-empty text of a variable; relative paths start at `cwd`. Throws `InvalidValue`. */
export type Parser<T> = (text: string, cwd: string) => T;

const DURATION_UNITS: Record<string, number> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY };
const SIZE_UNITS: Record<string, number> = { kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };

/** The amount of a text such as `15m`, in the unit with the factor 1; null for any other text. */
function amount(text: string, units: Record<string, number>): number | null {
  const [, digits, unit] = /^(\d{1,9})([a-z]{1,2})$/i.exec(text) ?? [];
  const factor = units[unit?.toLowerCase() ?? ''];
  return digits === undefined || factor === undefined ? null : Number(digits) * factor;
}

function ranged(units: Record<string, number>, kind: string, min: string, max: string, example: string) {
  const least = amount(min, units) ?? 0;
  const most = amount(max, units) ?? 0;
  return (text: string): number => {
    const value = amount(text, units);
    if (value === null || value < least || value > most) {
      throw new InvalidValue(`is not a ${kind} from ${min} to ${max}`, `Write it with its unit, such as ${example}.`);
    }
    return value;
  };
}

/** A duration (`500ms`, `15s`, `15m`, `12h`, `30d`) between two others; in milliseconds. */
export const duration = (min: string, max: string, example: string): Parser<number> =>
  ranged(DURATION_UNITS, 'duration', min, max, example);

/** As `duration`, from 0 on; `0` needs no unit. */
export function durationOrNone(max: string, example: string): Parser<number> {
  const parse = duration('0s', max, example);
  return (text, cwd) => parse(text === '0' ? '0s' : text, cwd);
}

/** A size (`10kb`, `10mb`, `1gb`; powers of 1024) between two others; in bytes. */
export const size = (min: string, max: string, example: string): Parser<number> =>
  ranged(SIZE_UNITS, 'size', min, max, example);

/** As `size`, in KiB, the unit that argon2 counts in. */
export function kibibytes(min: string, max: string, example: string): Parser<number> {
  const bytes = size(min, max, example);
  return (text, cwd) => bytes(text, cwd) / 1024;
}

/** A whole number in decimal digits, both ends included. */
export const integer =
  (min: number, max: number): Parser<number> =>
  (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new InvalidValue(`is not a whole number from ${min} to ${max}`, 'Write it in digits, without a unit.');
    }
    return value;
  };

const MOST_PROCESSES = 256;

/** A number of processes, or `auto`. */
export const processes: Parser<number | 'auto'> = (text, cwd) => {
  if (text.toLowerCase() === 'auto') return 'auto';
  try {
    return integer(1, MOST_PROCESSES)(text, cwd);
  } catch {
    throw new InvalidValue(`is neither auto nor a whole number from 1 to ${MOST_PROCESSES}`, 'Write auto, or digits.');
  }
};

/** One of a few words, in any case. */
export const oneOf =
  <const T extends string>(...words: T[]): Parser<T> =>
  (text) => {
    const found = words.find((word) => word.toLowerCase() === text.toLowerCase());
    if (found === undefined) {
      throw new InvalidValue('is not one of its values', `Write one of: ${words.join(', ')}.`);
    }
    return found;
  };

/** `on` or `off`. */
export const onOff: Parser<boolean> = (text, cwd) => oneOf('on', 'off')(text, cwd) === 'on';

/** Values separated by commas, without surrounding spaces and duplicates. A fault names the position of the bad entry. */
export const list =
  (parse: Parser<string>): Parser<string[]> =>
  (text, cwd) => {
    const entries = text.split(',').map((entry) => entry.trim());
    const values = entries.map((entry, index) => {
      try {
        if (entry === '') throw new InvalidValue('is empty', 'Separate the entries by single commas.');
        return parse(entry, cwd);
      } catch (error) {
        if (!(error instanceof InvalidValue)) throw error;
        throw new InvalidValue(`has a bad entry: number ${index + 1} ${error.problem}`, error.fix);
      }
    });
    return [...new Set(values)];
  };

/** A path, made absolute. */
export const path: Parser<string> = (text, cwd) => resolve(cwd, text);

/** A username, optionally after a `-`. */
export const reservedUsername: Parser<string> = (text) => {
  if (!/^-?[\p{L}\p{N}][\p{L}\p{M}\p{N}_.-]{0,31}$/u.test(text)) {
    throw new InvalidValue('is not a username', 'Write names such as acme, and -team for one that anybody may choose.');
  }
  return text;
};

/** Text without blanks and control characters. */
export const visible: Parser<string> = (text) => {
  if (!/^[\x21-\x7e]+$/.test(text)) throw new InvalidValue('has blanks or other signs in it', 'Copy it again, whole.');
  return text;
};

/** The name of a bucket, by the rules of S3. */
export const s3Bucket: Parser<string> = (text) => {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(text)) {
    throw new InvalidValue('is not the name of a bucket', 'Write 3 to 63 lower-case letters, digits, - and .');
  }
  return text;
};

/** The name of a region. */
export const s3Region: Parser<string> = (text) => {
  if (!/^[a-z0-9-]{1,64}$/i.test(text)) throw new InvalidValue('is not a region', 'Write it such as eu-central-1.');
  return text;
};

const MAX_POINTS = 1_000_000;

/** A rate such as `100/1m`: requests per duration, in whole seconds. */
export const rate: Parser<{ points: number; duration: number }> = (text) => {
  const [, digits, period] = /^(\d{1,7})\s*\/\s*(\w+)$/.exec(text) ?? [];
  const points = Number(digits);
  const milliseconds = amount(period ?? '', DURATION_UNITS) ?? 0;
  const wholeSeconds = milliseconds >= SECOND && milliseconds <= DAY && milliseconds % SECOND === 0;
  if (!(points >= 1 && points <= MAX_POINTS) || !wholeSeconds) {
    throw new InvalidValue(
      `is not a rate of 1 to ${MAX_POINTS} requests in 1s to 1d`,
      'Write the number of requests, a slash and a duration, such as 100/1m.',
    );
  }
  return { points, duration: milliseconds / SECOND };
};
