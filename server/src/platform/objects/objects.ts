/** What an upload must be, to the byte. The storage refuses anything else where it can; whoever completes an upload looks again. */
export interface UploadTerms {
  /** Bytes. */
  size: number;
  contentType: string;
  /** Lower-case hexadecimal; null: any content of this size. */
  sha256: string | null;
}

/** A request that whoever has it may send, without any other credential. */
export interface SignedRequest {
  method: 'PUT';
  url: string;
  /** Fields that must be sent with it; they are signed. */
  headers: Record<string, string>;
  expiresAt: Date;
}

/** How a download presents itself. */
export interface DownloadTerms {
  /** A whole `Content-Disposition`. */
  disposition: string;
  contentType: string;
}

/** What the storage says of an object. */
export interface StoredObject {
  /** Bytes. */
  size: number;
  contentType: string;
  /** As the storage computed it of what arrived, in hexadecimal; null where it does not tell. */
  sha256: string | null;
  /** Changes with the content. */
  etag: string;
}

export interface StoredPart {
  /** From 1. */
  number: number;
  /** Bytes. */
  size: number;
  etag: string;
}

export interface BucketInfo {
  name: string;
  /** Null: the storage has none. */
  region: string | null;
  objects: number;
  bytes: number;
  /** False: there are more; counted were as many as `MOST_COUNTED`. */
  isExact: boolean;
  versioning: 'off' | 'enabled' | 'suspended';
}

/** Names the upload in parts of an object. */
export interface UploadAt {
  key: string;
  uploadId: string;
}

/** Objects that `bucket` counts. */
export const MOST_COUNTED = 10_000;

/**
 * Stores bytes under keys, and signs URLs with which clients put and get them directly. Two adapters satisfy one contract: a bucket of an
 * S3-compatible service, and a folder. Keys are made by the server of words and ids, `files/<id>`; a TypeError is thrown for any other, so that
 * no key leads out of the storage. Every verb may be repeated, and rejects with `unavailable` while the storage does not answer.
 *
 *     const { url, headers } = await objects.signUpload('uploads/018f…', { size: 5, contentType: 'text/plain', sha256: null }, expiresAt);
 */
export interface ObjectStorage {
  /** A URL by which exactly this can be put, as often as somebody wants until it expires; the last one counts. */
  signUpload(key: string, terms: UploadTerms, expiresAt: Date): Promise<SignedRequest>;
  /** A URL by which the object can be read. */
  signDownload(key: string, terms: DownloadTerms, expiresAt: Date): Promise<string>;
  /** Begins an upload in parts; answers its id. */
  beginParts(key: string, contentType: string): Promise<string>;
  /** A URL by which one part of exactly this size can be put, until it expires or the upload ends. */
  signPart(at: UploadAt, part: { number: number; size: number }, expiresAt: Date): Promise<SignedRequest>;
  /** The parts that have arrived, in order; null: there is no such upload, or it has ended. */
  listParts(at: UploadAt): Promise<StoredPart[] | null>;
  /**
   * Makes the object of these parts, and ends the upload; nothing of it can be put any more. False: there is no such upload, or a part is
   * not (any more) what `parts` says.
   */
  joinParts(at: UploadAt, contentType: string, parts: readonly StoredPart[]): Promise<boolean>;
  /** Null: there is no such object. */
  find(key: string): Promise<StoredObject | null>;
  /** The bytes of an object, from `start` up to and including `end` if given; null: there is no such object. Never holds more than some of them. */
  read(key: string, range?: { start: number; end: number }): Promise<AsyncIterable<Uint8Array> | null>;
  /** Writes what the server itself has made. */
  put(key: string, bytes: Uint8Array, contentType: string): Promise<void>;
  /** Copies an object as it is now; false if there is none. (Not every service knows a copy on condition of an etag.) */
  copy(from: string, to: string): Promise<boolean>;
  /**
   * Removes all objects whose keys begin with `prefix`, a whole key, but the one that is kept, and ends uploads in parts of such. All
   * versions, where a bucket has them.
   */
  remove(prefix: string, keep?: string | null): Promise<void>;
  /** Removes what processes that were killed had begun to write before then. */
  tidy(before: Date): Promise<void>;
  bucket(): Promise<BucketInfo>;
  /** Answers the URLs that this storage signs itself; null: another server does. */
  gate: ObjectGate | null;
}

/** What the routes of a storage without a server of its own ask. */
export interface ObjectGate {
  /** What a URL allows; null if it is not one of ours, was changed, is for another method or object, or has expired. */
  admit(method: string, key: string, query: string): Admission | null;
  /** Writes a body that must be exactly what was signed. `mismatch`: it is not, and nothing of it is kept; `gone`: the upload has ended. */
  receive(admission: Admission, body: AsyncIterable<Uint8Array>): Promise<'mismatch' | 'gone' | { etag: string }>;
}

/** A URL that was found to be genuine. */
export interface Admission {
  key: string;
  /** For a PUT: what must arrive. */
  size: number;
  contentType: string | null;
  sha256: string | null;
  /** For a PUT of a part. */
  part: { uploadId: string; number: number } | null;
  /** For a GET. */
  disposition: string;
}

const KEY = /^[a-z]+\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:-[0-9a-z]{1,64})?$/;

/** Whether a text can be a key. */
export const isKey = (text: string): boolean => KEY.test(text);

/** Throws a TypeError for a key that this server has not made: path traversal is impossible, because such a text is none. */
export function checkKey(key: string): string {
  if (!isKey(key)) throw new TypeError('This is not the key of an object.');
  return key;
}
