import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigFault } from './config-error.ts';
import { codeOf } from './secret-file.ts';

export interface Dotenv {
  /** The last value of each name; untrimmed. */
  values: Record<string, string>;
  faults: ConfigFault[];
  /** Sentences for the log. */
  warnings: string[];
}

/** A name is written in one case: a line of an unquoted key, which must not reach a log, is not taken for one. */
const PAIR = /^\s*(?:export\s+)?([A-Z_][A-Z0-9_]{0,79}|[a-z_][a-z0-9_]{0,79})\s*=\s*(.*)$/s;
const IGNORED = /^\s*(?:#.*)?$/;
/** More line numbers would not help. */
const LINES_NAMED = 5;
/** What editors and other tools call a file that is meant to be `.env`. */
const NEIGHBOURS = ['.env.txt', '.env.production', '.env.local', 'env.txt'];

type Mistake = 'pair' | 'quotes' | 'hash';

const MISTAKES: Record<Mistake, { problem: string; fix: string }> = {
  pair: {
    problem: 'has lines that are not NAME=value',
    fix: 'Write ENVIRONMENT=production, one variable on a line, not ENVIRONMENT: production and not "set …"; quote values of several lines.',
  },
  quotes: {
    problem: 'has values whose quotes are not closed, or closed before the end of the value',
    fix: 'Quote the whole value, with quotes that are not in it: \' or " or `.',
  },
  hash: {
    problem: 'has values with a # in them that are not quoted',
    fix: 'Quote the value; a comment needs a blank before its #.',
  },
};

/**
 * Reads `.env` in `cwd` as Node does, but no line that is meant as a setting is passed over: each is blank, a comment or `NAME=value`, and
 * anything else is a fault with its number. Faults never repeat a line, which may be a secret.
 */
export function readDotenv(cwd: string): Dotenv {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(join(cwd, '.env')));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { values: {}, faults: [], warnings: neighbourOf(cwd) };
    return faulty(error instanceof TypeError ? NOT_UTF8 : UNREADABLE(codeOf(error)));
  }
  // UTF-16 of ASCII is valid UTF-8, half of it zeros.
  return text.includes('\0') ? faulty(NOT_UTF8) : parse(text.split(/\r\n?|\n/));
}

const NOT_UTF8 = {
  problem: 'is not text in UTF-8',
  fix: 'Save it again as UTF-8; Notepad and the > of PowerShell may have written UTF-16.',
};
const UNREADABLE = (code: string) => ({
  problem: `cannot be read (${code})`,
  fix: 'Let this user read it, or remove it.',
});

function faulty(fault: { problem: string; fix: string }): Dotenv {
  return { values: {}, faults: [{ name: '.env', ...fault }], warnings: [] };
}

function parse(lines: string[]): Dotenv {
  const values: Record<string, string> = {};
  const mistakes = new Map<Mistake, number[]>();
  const twice = new Set<string>();
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    if (IGNORED.test(line)) continue;
    const [, name, rest = ''] = PAIR.exec(line) ?? [];
    const read = name === undefined ? 'pair' : readValue(rest, lines.slice(index + 1));
    if (typeof read === 'string') {
      mistakes.set(read, [...(mistakes.get(read) ?? []), index + 1]);
    } else if (name !== undefined) {
      if (Object.hasOwn(values, name)) twice.add(name);
      values[name] = read.value;
      index += read.lines;
    }
  }
  return {
    values,
    faults: [...mistakes].map(([mistake, numbers]) => {
      const { problem, fix } = MISTAKES[mistake];
      return { name: '.env', problem: `${problem} (${linesNamed(numbers)})`, fix };
    }),
    warnings: [...twice].map((name) => `${name} is in .env twice; the last line counts.`),
  };
}

/** The value that begins with `rest` of its line, and how many of the `following` lines belong to it. */
function readValue(rest: string, following: string[]): { value: string; lines: number } | Mistake {
  const quote = /^["'`]/.exec(rest)?.[0];
  if (quote === undefined) {
    const value = rest.replace(/(?:^|\s+)#(?:\s.*)?$|\s+#.*$/s, '').trim();
    return value.includes('#') ? 'hash' : { value, lines: 0 };
  }
  let text = rest.slice(1);
  let lines = 0;
  for (; !text.includes(quote); lines += 1) {
    const next = following[lines];
    if (next === undefined) return 'quotes';
    text += `\n${next}`;
  }
  const end = text.indexOf(quote);
  if (!IGNORED.test(text.slice(end + 1))) return 'quotes';
  const value = text.slice(0, end);
  return { value: quote === '"' ? value.replaceAll('\\n', '\n') : value, lines };
}

function linesNamed(numbers: number[]): string {
  const shown = numbers.slice(0, LINES_NAMED).join(', ');
  return `line${numbers.length === 1 ? '' : 's'} ${shown}${numbers.length > LINES_NAMED ? ' …' : ''}`;
}

function neighbourOf(cwd: string): string[] {
  const found = NEIGHBOURS.find((name) => existsSync(join(cwd, name)));
  return found === undefined ? [] : [`${found} is not read: only .env is.`];
}
