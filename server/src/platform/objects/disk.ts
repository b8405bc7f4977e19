import { randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { opendir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { platformErrors } from '../errors.ts';
import {
  createDiskFiles,
  describeFile,
  FileChanged,
  isMissing,
  makeFolder,
  readAll,
  readFileContent,
  removeFile,
} from './disk-files.ts';
import { createDiskUrls, type UrlTerms } from './disk-urls.ts';
import {
  type Admission,
  checkKey,
  MOST_COUNTED,
  type ObjectStorage,
  type StoredPart,
  type UploadAt,
} from './objects.ts';

/** Where in a key the two characters stand that name its folder: the last of its id, which are random. */
const SPREAD_AT = 34;
const PARTS = '.parts';
/** Parts that are being joined: none is taken any more, so that whoever joins them makes the same of them. */
const JOINING = '.joining';
/** Parts that were joined. */
const JOINED = '.joined';
const UPLOAD_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Codes of a file system that is full, or at the quota of this server. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/**
 * Objects in a folder, with URLs that this server answers itself: the same promises as a bucket, for one host. `publicUrl`: the address of the
 * routes that ask the gate.
 */
export function createDiskObjects(deps: {
  folder: string;
  publicUrl: string;
  keyring: Keyring;
  clock: Clock;
}): ObjectStorage {
  const { folder, publicUrl: base, keyring, clock } = deps;
  const urls = createDiskUrls({ keyring, clock, base });
  const scratch = join(folder, '.unfinished');
  const files = createDiskFiles({ scratch });

  function pathOf(key: string): string {
    const [area = '', name = ''] = checkKey(key).split('/');
    return join(folder, area, name.slice(SPREAD_AT, SPREAD_AT + 2), name);
  }

  /** The folder of an upload in parts; it exists for as long as the upload does. */
  function folderOf({ key, uploadId }: UploadAt): string | null {
    return UPLOAD_ID.test(uploadId) ? `${pathOf(key)}.${uploadId}${PARTS}` : null;
  }

  function sign(method: string, key: string, terms: UrlTerms, expiresAt: Date): string {
    return urls.sign(method, checkKey(key), terms, expiresAt);
  }

  async function listParts(at: UploadAt) {
    const parts = folderOf(at);
    if (parts === null) return null;
    // What a killed process had begun to join is joined by the next one.
    return (await partsIn(parts)) ?? (await partsIn(`${parts}${JOINING}`));
  }

  return {
    async signUpload(key, { size, contentType, sha256 }, expiresAt) {
      const terms = { size: String(size), type: contentType, ...(sha256 !== null && { sha256 }) };
      const headers = { 'content-type': contentType };
      return { method: 'PUT', url: sign('PUT', key, terms, expiresAt), headers, expiresAt };
    },

    async signDownload(key, { disposition, contentType }, expiresAt) {
      return sign('GET', key, { disposition, type: contentType }, expiresAt);
    },

    async beginParts(key) {
      const uploadId = randomUUID();
      await makeFolder(folderOf({ key, uploadId }) ?? '');
      return uploadId;
    },

    async signPart({ key, uploadId }, { number, size }, expiresAt) {
      const terms = { size: String(size), upload: uploadId, part: String(number) };
      return { method: 'PUT', url: sign('PUT', key, terms, expiresAt), headers: {}, expiresAt };
    },

    listParts,

    async joinParts(at, contentType, parts) {
      const parted = folderOf(at);
      const taken = `${parted}${JOINING}`;
      const isMine = parted !== null && (await renamed(parted, taken));
      if (parted === null || (!isMine && (await namesIn(taken)) === null)) return false;
      const sources = parts.map(({ number, etag }) => ({ path: partPath(taken, number), etag }));
      try {
        await whole(() => files.write(pathOf(at.key), readAll(sources), contentType, { size: null, sha256: null }));
      } catch (error) {
        if (isMine) await renamed(taken, parted);
        if (error instanceof FileChanged) return false;
        throw error;
      }
      // In one step, so that nobody takes up half of it.
      await renamed(taken, `${parted}${JOINED}`);
      await rm(`${parted}${JOINED}`, { recursive: true, force: true });
      return true;
    },

    find: (key) => describeFile(pathOf(key)),
    read: (key, range) => readFileContent(pathOf(key), range),

    async put(key, bytes, contentType) {
      const path = pathOf(key);
      await makeFolder(dirname(path));
      await whole(() => files.write(path, one(bytes), contentType, { size: bytes.length, sha256: null }));
    },

    async copy(from, to) {
      await makeFolder(dirname(pathOf(to)));
      return whole(() => files.copy(pathOf(from), pathOf(to)));
    },

    async remove(prefix, keep = null) {
      const path = pathOf(prefix);
      const kept = keep === null ? null : pathOf(keep);
      const start = basename(path);
      for (const name of (await namesIn(dirname(path))) ?? []) {
        const found = join(dirname(path), name);
        if (!name.startsWith(start) || found === kept) continue;
        if (isParts(name)) await rm(found, { recursive: true, force: true });
        else await removeFile(found);
      }
    },

    async tidy(before) {
      for (const name of (await namesIn(scratch)) ?? []) {
        const path = join(scratch, name);
        const left = await stat(path).catch(() => null);
        if (left !== null && left.mtime < before) await removeFile(path);
      }
    },

    async bucket() {
      const { objects, bytes, isExact } = await count(folder);
      return { name: basename(folder), region: null, objects, bytes, isExact, versioning: 'off' };
    },

    gate: {
      admit(method, key, query) {
        const terms = urls.read(method, key, query);
        return terms && admissionOf(checkKey(key), terms);
      },

      async receive({ key, size, contentType, sha256, part }, body) {
        const parts = part && folderOf({ key, uploadId: part.uploadId });
        if (part && (!parts || (await namesIn(parts)) === null)) return 'gone';
        const path = part && parts ? partPath(parts, part.number) : pathOf(key);
        if (!part) await makeFolder(dirname(path));
        try {
          return (await whole(() => files.write(path, body, contentType, { size, sha256 }))) ?? 'mismatch';
        } catch (error) {
          // The upload ended while this part arrived.
          if (part && isMissing(error)) return 'gone';
          throw error;
        }
      },
    },
  };
}

function admissionOf(key: string, terms: UrlTerms): Admission {
  const { size = '0', type = null, sha256 = null, upload, part, disposition = 'attachment' } = terms;
  return {
    key,
    size: Number(size),
    contentType: type,
    sha256,
    part: upload === undefined ? null : { uploadId: upload, number: Number(part) },
    disposition,
  };
}

async function* one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** The parts in a folder, in order; null if there is none. */
async function partsIn(folder: string): Promise<StoredPart[] | null> {
  const names = await namesIn(folder);
  if (names === null) return null;
  const numbers = names.map(Number).sort((a, b) => a - b);
  const found = await Promise.all(
    numbers.map(async (number) => ({ number, stored: await describeFile(partPath(folder, number)) })),
  );
  return found.flatMap(({ number, stored }) => (stored ? [{ number, size: stored.size, etag: stored.etag }] : []));
}

const partPath = (parts: string, number: number): string => join(parts, String(number));

const isParts = (name: string): boolean => [PARTS, JOINING, JOINED].some((ending) => name.endsWith(ending));

/** False if there is no such folder. */
async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Names in a folder; null if there is none. */
async function namesIn(path: string): Promise<string[] | null> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Writes something; a full disk is no fault of whoever sent it. */
async function whole<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!FULL.has((error as { code?: string }).code ?? '')) throw error;
    throw platformErrors.unavailable({ cause: error, headers: { 'retry-after': '60' } });
  }
}

async function count(folder: string): Promise<{ objects: number; bytes: number; isExact: boolean }> {
  let [objects, bytes] = [0, 0];
  for await (const path of objectsBelow(folder)) {
    const stored = await describeFile(path);
    if (stored === null) continue;
    if (objects === MOST_COUNTED) return { objects, bytes, isExact: false };
    objects += 1;
    bytes += stored.size;
  }
  return { objects, bytes, isExact: true };
}

async function* objectsBelow(folder: string): AsyncIterable<string> {
  if ((await namesIn(folder)) === null) return;
  const entries: AsyncIterable<Dirent> = await opendir(folder);
  for await (const entry of entries) {
    const path = join(folder, entry.name);
    // Uploads that have not ended, and what is just being written, are no objects yet.
    if (entry.isFile()) yield path;
    else if (!entry.name.startsWith('.') && !isParts(entry.name)) yield* objectsBelow(path);
  }
}
