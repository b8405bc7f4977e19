import { createHash, randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, type FileHandle, link, mkdir, open, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { StoredObject } from './objects.ts';

/** What is known of a file beyond its bytes; they end with it. */
type Trailer = Pick<StoredObject, 'contentType'> & { sha256: string };

const LENGTH_BYTES = 4;
/** A trailer is far shorter: what says that it is longer is none. */
const LONGEST_TRAILER = 1024;
const COPY_BYTES = 256 * 1024;

export interface DiskFiles {
  /**
   * Writes what arrives into a file of its own, which then takes its place in one step: nobody ever sees half of it, and after the answer
   * it survives a power failure. Null, and nothing is left, where it is not what `expected` says. Holds one chunk at a time.
   */
  write(
    path: string,
    chunks: AsyncIterable<Uint8Array>,
    contentType: string | null,
    expected: { size: number | null; sha256: string | null },
  ): Promise<StoredObject | null>;
  /** Gives the same bytes a second name; false if there are none. */
  copy(from: string, to: string): Promise<boolean>;
}

/**
 * Files that know their own type and hash: both stand behind the content in the same file, since two files could not change in one step.
 * `scratch`: a folder of the same file system, for what is not complete.
 */
export function createDiskFiles({ scratch }: { scratch: string }): DiskFiles {
  async function temporary<T>(work: (path: string) => Promise<T>): Promise<T> {
    await makeFolder(scratch);
    const path = join(scratch, randomUUID());
    try {
      return await work(path);
    } finally {
      await rm(path, { force: true });
    }
  }

  return {
    write: (path, chunks, contentType, expected) =>
      temporary(async (unfinished) => {
        const file = await open(unfinished, 'wx', 0o600);
        let stored: StoredObject | null;
        try {
          stored = await fill(file, chunks, contentType, expected);
          if (stored === null) return null;
          await file.sync();
        } finally {
          await file.close();
        }
        await settle(unfinished, path);
        return stored;
      }),

    copy: (from, to) =>
      temporary(async (twin) => {
        try {
          await twinOf(from, twin);
        } catch (error) {
          if (isMissing(error)) return false;
          throw error;
        }
        await settle(twin, to);
        return true;
      }),
  };
}

/** A second name for a file; a second file where the file system has no hard links. */
async function twinOf(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (isMissing(error)) throw error;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    await syncAt(to);
  }
}

async function fill(
  file: FileHandle,
  chunks: AsyncIterable<Uint8Array>,
  contentType: string | null,
  expected: { size: number | null; sha256: string | null },
): Promise<StoredObject | null> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (expected.size !== null && size > expected.size) return null;
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  const sha256 = hash.digest('hex');
  if (expected.size !== null && size !== expected.size) return null;
  if (expected.sha256 !== null && sha256 !== expected.sha256) return null;
  await file.writeFile(encodeTrailer({ sha256, contentType: contentType ?? '' }));
  return { size, contentType: contentType ?? '', sha256, etag: sha256 };
}

/** Moves a finished file to its place, for good: the entry of its folder must reach the disk, too. Rejects with ENOENT without that folder. */
async function settle(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncAt(dirname(to));
}

/** Makes a folder and those above it that are missing, for good. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncAt(dirname(made));
}

/** Waits until a file, or the list of a folder's entries, is on the disk. */
async function syncAt(path: string): Promise<void> {
  const opened = await open(path, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** What a file says of itself; null if there is none. Throws for a file that these functions have not written. */
export async function describeFile(path: string): Promise<StoredObject | null> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    return await describeOpen(file);
  } finally {
    await file.close();
  }
}

async function describeOpen(file: FileHandle): Promise<StoredObject> {
  const { size: whole } = await file.stat();
  const end = Buffer.alloc(Math.min(whole, LONGEST_TRAILER + LENGTH_BYTES));
  await file.read(end, 0, end.length, whole - end.length);
  const length = end.length < LENGTH_BYTES ? Number.POSITIVE_INFINITY : end.readUInt32BE(end.length - LENGTH_BYTES);
  if (length > end.length - LENGTH_BYTES) throw new Error('A stored file was cut off or changed.');
  const text = end.toString('utf8', end.length - LENGTH_BYTES - length, end.length - LENGTH_BYTES);
  const { sha256, contentType } = JSON.parse(text) as Trailer;
  return { size: whole - length - LENGTH_BYTES, contentType, sha256, etag: sha256 };
}

/** Bytes of the content; null if there is no such file. */
export async function readFileContent(
  path: string,
  range?: { start: number; end: number },
): Promise<AsyncIterable<Uint8Array> | null> {
  const stored = await describeFile(path);
  if (stored === null) return null;
  const start = range?.start ?? 0;
  const end = Math.min(range?.end ?? stored.size - 1, stored.size - 1);
  return end < start ? noBytes() : createReadStream(path, { start, end, highWaterMark: COPY_BYTES });
}

/** The content of files, one after the other; each must (still) have its etag. A chunk is good until the next one is asked for. */
export async function* readAll(files: readonly { path: string; etag: string }[]): AsyncIterable<Uint8Array> {
  const buffer = Buffer.allocUnsafe(COPY_BYTES);
  for (const { path, etag } of files) {
    const file = await open(path, 'r').catch((error) => {
      throw isMissing(error) ? new FileChanged() : error;
    });
    try {
      // Of the open file: another one that takes its name meanwhile is not read.
      const stored = await describeOpen(file);
      if (stored.etag !== etag) throw new FileChanged();
      for (let at = 0; at < stored.size; ) {
        const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, stored.size - at), at);
        if (bytesRead === 0) throw new FileChanged();
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }
}

/** A file is not what it was said to be. */
export class FileChanged extends Error {
  override readonly name = 'FileChanged';
}

async function* noBytes(): AsyncIterable<Uint8Array> {}

function encodeTrailer(trailer: Trailer): Buffer {
  const text = Buffer.from(JSON.stringify(trailer));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(text.length);
  return Buffer.concat([text, length]);
}

export const isMissing = (error: unknown): boolean => (error as { code?: string }).code === 'ENOENT';

/** Removes a file, if there is one. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
