import { createHash } from 'node:crypto';
import { after, type Clock } from '../../platform/clock.ts';
import type { Caller } from '../../platform/http/caller.ts';
import type { ObjectStorage, StoredPart } from '../../platform/objects/objects.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Events } from '../events/events.ts';
import { fileErrors } from './errors.ts';
import type { FileRecord, FileStore } from './file-store.ts';
import { BEGINNING, beginsAs } from './file-types.ts';
import { attemptKey, finalKey, partSizes, stagingKey, UPLOAD_URL_TTL } from './names.ts';
import type { OwnFiles } from './own-files.ts';

/** The parts that a client says it has sent. */
export type ClaimedParts = readonly { number: number; etag: string }[];

/**
 * Makes a file ready, if what arrived is what was announced; again, if it is ready already. Throws `file_not_found`, `upload_incomplete`, and
 * `upload_refused`, which deletes the file.
 */
export type Complete = (
  caller: Caller,
  userId: string,
  id: string,
  claimed: ClaimedParts | null,
) => Promise<FileRecord>;

export function createCompletion(deps: {
  store: FileStore;
  objects: ObjectStorage;
  ownFiles: OwnFiles;
  events: Events;
  clock: Clock;
}): Complete {
  const { store, objects, ownFiles, events, clock } = deps;

  /** Copies what was sent to a place that no URL reaches: what is checked there cannot be exchanged any more. */
  async function settlePiece({ id }: FileRecord): Promise<string> {
    const key = attemptKey(id);
    if (!(await objects.copy(stagingKey(id), key))) throw fileErrors.upload_incomplete();
    return key;
  }

  /** Joins the parts. The end of the upload makes all of its URLs void. */
  async function settleParts(file: FileRecord, claimed: ClaimedParts | null): Promise<string> {
    const key = finalKey(file.id);
    const at = { key, uploadId: file.uploadId ?? '' };
    const arrived = file.uploadId === null ? null : await objects.listParts(at);
    if (arrived !== null) {
      demandParts(file, arrived, claimed);
      if (await objects.joinParts(at, file.contentType, arrived)) return key;
    }
    // Whoever completed it before may have been killed after that.
    if ((await objects.find(key)) === null) throw fileErrors.upload_incomplete();
    return key;
  }

  /** The SHA-256 of what is stored, where the file promised one or the storage tells it; else null. What differs is the answer as text. */
  async function check(file: FileRecord, key: string): Promise<{ sha256: string | null } | { differs: string }> {
    const stored = await objects.find(key);
    if (stored === null) throw fileErrors.upload_incomplete();
    if (stored.size !== file.size) return { differs: 'Its size is another one.' };
    if (stored.contentType !== file.contentType) return { differs: 'Its type is another one.' };
    const start = await objects.read(key, { start: 0, end: Math.max(0, Math.min(BEGINNING, file.size) - 1) });
    if (file.size > 0 && !beginsAs(file.contentType, await bytesOf(start))) {
      return { differs: 'It does not begin as files of its type do.' };
    }
    const sha256 = stored.sha256 ?? (file.sha256 === null ? null : await hashOf(await objects.read(key)));
    if (file.sha256 !== null && sha256 !== file.sha256) return { differs: 'Its SHA-256 is another one.' };
    return { sha256 };
  }

  return (caller, userId, id, claimed) =>
    untilWon(
      async () => {
        const file = await ownFiles.get(userId, id);
        if (file.status === 'ready') return file;
        const key = file.partSize === null ? await settlePiece(file) : await settleParts(file, claimed);
        const found = await check(file, key);
        if ('differs' in found) {
          await ownFiles.discard(caller, id, 'refused');
          await objects.remove(key);
          throw fileErrors.upload_refused({ detail: found.differs });
        }
        const now = clock();
        const tendAt = file.partSize === null ? after(file.createdAt, UPLOAD_URL_TTL) : null;
        const about = { target: `file:${id}`, userId, data: { size: file.size } };
        const event = events.describe(caller, { type: 'file.completed', ...about });
        const at = { id, version: file.version, now };
        if (await store.complete(at, { objectKey: key, sha256: found.sha256, tendAt }, event)) return store.find(id);
        // Somebody was faster: removes what was made here, unless it is what they completed.
        if ((await store.find(id))?.objectKey !== key) await objects.remove(key);
        return null;
      },
      { record: `file:${id}` },
    );
}

/** Throws `upload_incomplete` unless exactly the parts of this file are there, and are those that the client means. */
function demandParts(file: FileRecord, arrived: readonly StoredPart[], claimed: ClaimedParts | null): void {
  const sizes = partSizes({ size: file.size, partSize: file.partSize ?? file.size });
  const sizeOf = new Map(arrived.map(({ number, size }) => [number, size]));
  const missing = sizes.filter((size, i) => sizeOf.get(i + 1) !== size).length;
  const isWhole = missing === 0 && arrived.length === sizes.length;
  if (!isWhole)
    throw fileErrors.upload_incomplete({ detail: `${Math.max(1, missing)} of ${sizes.length} parts are missing.` });
  if (claimed === null) return;
  const plain = (etag: string) => etag.replace(/^"|"$/g, '');
  const etags = new Map(arrived.map(({ number, etag }) => [number, plain(etag)]));
  const isMeant =
    claimed.length === sizes.length && claimed.every(({ number, etag }) => etags.get(number) === plain(etag));
  if (!isMeant)
    throw fileErrors.upload_incomplete({ detail: 'The parts that have arrived are not the ones in `parts`.' });
}

async function bytesOf(chunks: AsyncIterable<Uint8Array> | null): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks ?? []) all.push(chunk);
  return Buffer.concat(all);
}

async function hashOf(chunks: AsyncIterable<Uint8Array> | null): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks ?? []) hash.update(chunk);
  return hash.digest('hex');
}
