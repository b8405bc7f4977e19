import type { EventDraft } from '../events/event-store.ts';

export interface FileRecord {
  /** UUIDv7. */
  id: string;
  userId: string;
  /** `avatar`: in no list and in no quota. */
  purpose: 'file' | 'avatar';
  filename: string;
  contentType: string;
  /** Bytes: promised while it is being uploaded, and what arrived from then on. */
  size: number;
  /** Hexadecimal: promised, or of what arrived; null if nobody has said or computed it. */
  sha256: string | null;
  /** `deleted`: a tombstone without a name, kept until nothing of it can be in the storage any more. */
  status: 'uploading' | 'ready' | 'deleted';
  /** Of an upload in parts; null while that is being begun, too. */
  uploadId: string | null;
  /** Bytes of each part but the last; null: in one piece. */
  partSize: number | null;
  /** Where its bytes are; null until it is ready. */
  objectKey: string | null;
  /** When somebody must look after it: an upload is given up, or what late requests left is removed. Null: nothing is to be done. */
  tendAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  version: number;
}

/** The state of a file that a change was decided on. */
export interface FileAt {
  id: string;
  version: number;
  now: Date;
}

export interface FileFilter {
  /** Null: of all users. */
  userId: string | null;
  status?: 'uploading' | 'ready';
}

/** Each verb changes one version of a record or nothing, and says whether it did. */
export interface FileStore {
  insert(file: FileRecord, event: EventDraft): Promise<void>;
  find(id: string): Promise<FileRecord | null>;
  /** The latest first; neither avatars nor deleted ones. */
  list(filter: FileFilter, page: { before: string | null; skip: number; limit: number }): Promise<FileRecord[]>;
  /** The number of these, counted up to `limit`. */
  count(filter: FileFilter, limit: number): Promise<number>;
  /** What a user takes up: uploads with what they promise, and tombstones of which an upload URL may still be in use. No avatars. */
  usage(userId: string): Promise<{ bytes: number; files: number }>;
  /** Notes the upload in parts that was begun for it. No event: it follows from the insertion. */
  setUpload(at: FileAt, uploadId: string): Promise<boolean>;
  /** What arrived is what was promised. */
  complete(
    at: FileAt,
    arrived: Pick<FileRecord, 'objectKey' | 'sha256' | 'tendAt'>,
    event: EventDraft,
  ): Promise<boolean>;
  /** Turns it into a tombstone, without its name, type and hash. */
  remove(at: FileAt, tendAt: Date, event: EventDraft): Promise<boolean>;
  /** Sets when to look after it again. No event: nothing changes for anybody. */
  tend(at: FileAt, tendAt: Date | null): Promise<boolean>;
  /** Deletes a tombstone; does nothing to other files. */
  forget(id: string): Promise<void>;
  /** Files that must be looked after by then, the earliest first. */
  due(now: Date, limit: number): Promise<FileRecord[]>;
  /** All files of a user that are no tombstones, avatars too. */
  ofUser(userId: string, limit: number): Promise<FileRecord[]>;
}
