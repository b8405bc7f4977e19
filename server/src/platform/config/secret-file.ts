import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { InvalidValue } from './config-error.ts';
import { SECRET_KEY_BYTES } from './secret-strength.ts';

/** The file in `DATA_DIR` with the generated key of a development server. */
export const SECRET_FILE = 'secret.key';

/** The system's error code (`EACCES`); its message would repeat a path. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

/** Creates a missing data directory, accessible to its owner only. Throws `InvalidValue`. */
export function makeDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new InvalidValue(`cannot be created (${codeOf(error)})`, 'Name a directory that this user may write to.');
  }
}

/**
 * The key of an existing data directory; the first call generates it. Processes that start together get the same key:
 * the complete file appears in one step (`link` fails if there is one), and the losers read it.
 * Throws `InvalidValue`.
 */
export function keptSecretKey(dataDir: string): { key: string; exposed: boolean } {
  const file = join(dataDir, SECRET_FILE);
  try {
    return readKey(file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw unusable(error);
  }
  const draft = `${file}.${randomBytes(8).toString('hex')}`;
  try {
    writeDurably(draft, `${randomBytes(SECRET_KEY_BYTES).toString('base64url')}\n`);
    try {
      linkSync(draft, file);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    return readKey(file);
  } catch (error) {
    throw unusable(error);
  } finally {
    rmSync(draft, { force: true });
  }
}

function readKey(file: string): { key: string; exposed: boolean } {
  const key = readFileSync(file, 'utf8').trim();
  if (Buffer.byteLength(key) < SECRET_KEY_BYTES) {
    throw new InvalidValue(
      `is stored in ${SECRET_FILE} of DATA_DIR, which has less than ${SECRET_KEY_BYTES} bytes`,
      'Restore that file; or delete it, which ends every session and loses everything encrypted with it.',
    );
  }
  return { key, exposed: (statSync(file).mode & 0o077) !== 0 };
}

function writeDurably(file: string, text: string): void {
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function unusable(error: unknown): unknown {
  if (error instanceof InvalidValue) return error;
  return new InvalidValue(
    `cannot be stored in ${SECRET_FILE} of DATA_DIR (${codeOf(error)})`,
    'Let this user read and write DATA_DIR, or set SECRET_KEY.',
  );
}
