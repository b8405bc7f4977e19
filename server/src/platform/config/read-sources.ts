import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ConfigFault, InvalidValue } from './config-error.ts';
import { readDotenv } from './dotenv.ts';
import { codeOf } from './secret-file.ts';
import { storeNameOf } from './store-urls.ts';
import { namesWithFile } from './variables.ts';

export type Environment = Record<string, string | undefined>;

export interface Sources {
  /** Trimmed, never empty: an empty variable counts as not set. */
  texts: Map<string, string>;
  /** Names of the environment and of `.env`, with those of empty values. */
  given: Set<string>;
  /** Every name in `.env`. */
  fileNames: string[];
  /** Names whose text could not be read, so that they are not reported as missing, too. */
  unreadable: Set<string>;
  faults: ConfigFault[];
  /** Sentences for the log. */
  warnings: string[];
}

/** Reads the environment, `.env` in `cwd` (the environment takes precedence, also with an empty value) and the files of `NAME_FILE`. */
export function readSources(env: Environment, cwd: string): Sources {
  const { values: dotenv, faults, warnings } = readDotenv(cwd);
  const texts = new Map<string, string>();
  for (const [name, value] of [...Object.entries(dotenv), ...Object.entries(env)]) {
    if (value !== undefined) texts.set(name, value.trim());
  }
  const given = new Set(texts.keys());
  for (const [name, text] of texts) {
    if (text === '') texts.delete(name);
  }
  const unreadable = new Set<string>();
  const storeUrls = [...given].map((name) => name.replace(/_FILE$/, '')).filter((name) => storeNameOf(name) !== null);
  for (const name of new Set([...namesWithFile(), ...storeUrls])) {
    const file = texts.get(`${name}_FILE`);
    if (file === undefined) continue;
    try {
      if (texts.has(name)) throw new InvalidValue(`is given together with ${name}`, 'Set only one of the two.');
      texts.set(name, readSecret(resolve(cwd, file)));
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      unreadable.add(name);
      faults.push({ name: `${name}_FILE`, problem: error.problem, fix: error.fix });
    }
  }
  return { texts, given, fileNames: Object.keys(dotenv), unreadable, faults, warnings };
}

/** More than any key or URL has; a longer file is the wrong one, or endless. */
const MAX_SECRET_BYTES = 65_536;

/** Faults never contain the path: people paste the secret itself there. */
function readSecret(file: string): string {
  const fix = 'Name a readable text file that contains nothing but the value.';
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readStart(file)).trim();
  } catch (error) {
    // Invalid UTF-8 bytes would all become the same character, which would make a random key weak.
    const reason = error instanceof TypeError ? 'is not text in UTF-8' : `cannot be read (${codeOf(error)})`;
    throw new InvalidValue(`names a file that ${reason}`, fix);
  }
  if (text === '') throw new InvalidValue('names a file that is empty', fix);
  if (Buffer.byteLength(text) > MAX_SECRET_BYTES) throw new InvalidValue('names a file that is too long', fix);
  return text;
}

/** Reads in steps rather than by size, since the file may be a pipe. */
function readStart(file: string): Buffer {
  const bytes = Buffer.alloc(MAX_SECRET_BYTES + 1);
  const descriptor = openSync(file, 'r');
  try {
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = readSync(descriptor, bytes, length, bytes.length - length, null);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}
