import { after, type Clock } from '../../platform/clock.ts';
import { platformErrors } from '../../platform/errors.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { newId } from '../../platform/ids.ts';
import { createKeyedQueue } from '../../platform/keyed-queue.ts';
import type { ObjectStorage, SignedRequest } from '../../platform/objects/objects.ts';
import type { Events } from '../events/events.ts';
import { fileErrors } from './errors.ts';
import type { FileRecord, FileStore } from './file-store.ts';
import {
  DEFAULT_QUOTA,
  finalKey,
  PART_URL_TTL,
  PARTS_LISTED,
  partSizeFor,
  partSizes,
  stagingKey,
  UPLOAD_TTL,
  UPLOAD_URL_TTL,
} from './names.ts';
import type { OwnFiles } from './own-files.ts';

/** What somebody announces. */
export interface Announcement {
  filename: string;
  contentType: string;
  /** Bytes. */
  size: number;
  /** Hexadecimal. */
  sha256: string | null;
}

interface Quota {
  bytes: number;
  files: number;
}

export interface Holder {
  id: string;
  roleIds: readonly string[];
}

export interface PartState {
  /** From 1. */
  number: number;
  /** Bytes that it must have. */
  size: number;
  arrived: boolean;
  etag: string | null;
  /** Null: it has arrived. */
  url: string | null;
}

export interface PartsView {
  parts: PartState[];
  expiresAt: Date;
  /** The first part that is not listed; null: these are the last ones. */
  next: number | null;
}

/** Announces files, and signs URLs to send them. */
export interface Uploads {
  /** Throws `quota_exceeded`, and `unavailable` while the storage does not answer. */
  begin(caller: Caller, holder: Holder, what: Announcement): Promise<{ file: FileRecord; upload: SignedRequest }>;
  /** The same in parts. */
  beginParts(caller: Caller, holder: Holder, what: Announcement): Promise<{ file: FileRecord; view: PartsView }>;
  /** The parts from number `from` on. Throws `file_not_found`, `upload_ended`. */
  parts(userId: string, id: string, from: number): Promise<PartsView>;
}

const overloaded = () => platformErrors.overloaded({ headers: { 'retry-after': '1' } });

export function createUploads(deps: {
  store: FileStore;
  objects: ObjectStorage;
  ownFiles: OwnFiles;
  /** The largest quota of somebody's roles; null: none has one. */
  quotaOf: (holder: Holder) => Promise<Quota | null>;
  events: Events;
  clock: Clock;
}): Uploads {
  const { store, objects, ownFiles, quotaOf, events, clock } = deps;
  /** Announcements of one user: each is measured after the one before it was written. */
  const turns = createKeyedQueue({ concurrency: 1, waiting: 200, patience: 10_000, full: overloaded });

  /** Throws `quota_exceeded` if what the user has, and so much more, does not fit. */
  async function demandRoom(userId: string, quota: Quota, more: Quota): Promise<void> {
    const used = await store.usage(userId);
    if (used.bytes + more.bytes <= quota.bytes && used.files + more.files <= quota.files) return;
    throw fileErrors.quota_exceeded({ detail: `You may store ${quota.bytes} bytes in ${quota.files} files.` });
  }

  /** Of those who announce at once on several instances, the last to look sees all others: together they never exceed the quota. */
  async function announce(caller: Caller, holder: Holder, what: Announcement, partSize: number | null) {
    return turns.run(holder.id, async () => {
      const quota = (await quotaOf(holder)) ?? DEFAULT_QUOTA;
      await demandRoom(holder.id, quota, { bytes: what.size, files: 1 });
      const now = clock();
      const file: FileRecord = {
        id: newId(now),
        userId: holder.id,
        purpose: 'file',
        ...what,
        status: 'uploading',
        uploadId: null,
        partSize,
        objectKey: null,
        tendAt: after(now, UPLOAD_TTL),
        createdAt: now,
        updatedAt: now,
        version: 1,
      };
      const about = { target: `file:${file.id}`, userId: holder.id, data: { size: file.size } };
      await store.insert(file, events.describe(caller, { type: 'file.created', ...about }));
      try {
        await demandRoom(holder.id, quota, { bytes: 0, files: 0 });
      } catch (error) {
        await ownFiles.discard(caller, file.id, 'quota');
        throw error;
      }
      return file;
    });
  }

  const uploadOf = ({ uploadId }: FileRecord) => {
    if (uploadId === null) throw fileErrors.upload_ended();
    return uploadId;
  };

  async function view(file: FileRecord, from: number): Promise<PartsView> {
    const at = { key: finalKey(file.id), uploadId: uploadOf(file) };
    const arrived = await objects.listParts(at);
    if (arrived === null) throw fileErrors.upload_ended();
    const byNumber = new Map(arrived.map((part) => [part.number, part]));
    const expiresAt = after(clock(), PART_URL_TTL);
    const sizes = partSizes({ size: file.size, partSize: file.partSize ?? file.size });
    const listed = sizes.slice(from - 1, from - 1 + PARTS_LISTED);
    const parts = await Promise.all(
      listed.map(async (size, i): Promise<PartState> => {
        const number = from + i;
        const there = byNumber.get(number);
        if (there?.size === size) return { number, size, arrived: true, etag: there.etag, url: null };
        const { url } = await objects.signPart(at, { number, size }, expiresAt);
        return { number, size, arrived: false, etag: null, url };
      }),
    );
    const next = from + listed.length;
    return { parts, expiresAt, next: next <= sizes.length ? next : null };
  }

  return {
    async begin(caller, holder, what) {
      const file = await announce(caller, holder, what, null);
      const { size, contentType, sha256 } = file;
      const terms = { size, contentType, sha256 };
      return { file, upload: await objects.signUpload(stagingKey(file.id), terms, after(clock(), UPLOAD_URL_TTL)) };
    },

    async beginParts(caller, holder, what) {
      const file = await announce(caller, holder, what, partSizeFor(what.size));
      try {
        // After the record, by whose id everything is found that has to be removed.
        const uploadId = await objects.beginParts(finalKey(file.id), file.contentType);
        await store.setUpload({ id: file.id, version: file.version, now: clock() }, uploadId);
        const begun = { ...file, uploadId };
        return { file: begun, view: await view(begun, 1) };
      } catch (error) {
        await ownFiles.discard(caller, file.id, 'unfinished');
        throw error;
      }
    },

    async parts(userId, id, from) {
      const file = await ownFiles.get(userId, id);
      if (file.status !== 'uploading') throw fileErrors.upload_ended();
      return view(file, from);
    },
  };
}
