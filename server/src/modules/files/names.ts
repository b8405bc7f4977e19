import { randomBytes } from 'node:crypto';
import { DAY, HOUR, MINUTE } from '../../platform/clock.ts';

const MIB = 1024 ** 2;

/** Milliseconds for which URLs are good: to send a file in one piece, to send a part, to read a file. The API document promises them. */
export const UPLOAD_URL_TTL = 15 * MINUTE;
export const PART_URL_TTL = HOUR;
export const DOWNLOAD_URL_TTL = 5 * MINUTE;
/** Milliseconds after which an upload that was not completed is given up. */
export const UPLOAD_TTL = DAY;

/** Bytes of a file that can be sent in one piece, and of any file. */
export const LARGEST_PIECE = 1024 * MIB;
export const LARGEST_FILE = 5 * 1024 ** 2 * MIB;
/** The limits of S3: no part but the last may be smaller than 5 MiB, and there may be so many. */
const LEAST_PART = 8 * MIB;
export const MOST_PARTS = 10_000;
/** Parts that one answer lists. */
export const PARTS_LISTED = 1_000;

/** For whoever has no role with a quota. */
export const DEFAULT_QUOTA = { bytes: 1024 * MIB, files: 1_000 };

/** Pixels of the sides of an avatar. */
export const AVATAR_SIZES = [256, 64] as const;

/** Where clients put a file in one piece. They may do so again until the URL has expired: nothing is read from there. */
export const stagingKey = (id: string): string => `uploads/${id}`;
/** Where a file stays. No URL ever allows to write there, but for parts of an upload that has not ended. */
export const finalKey = (id: string): string => `files/${id}`;
export const avatarKey = (id: string, size?: number): string => `avatars/${id}${size === undefined ? '' : `-${size}`}`;

/** Another place for each try to complete a file that was sent in one piece: none ever overwrites what another has checked. */
export const attemptKey = (id: string): string => `${finalKey(id)}-${randomBytes(16).toString('hex')}`;

/** Bytes of each part but the last: whole mebibytes, as many as are needed to stay below the number of parts. */
export function partSizeFor(size: number): number {
  return Math.max(LEAST_PART, Math.ceil(size / MOST_PARTS / MIB) * MIB);
}

/** The size that each part must have. */
export function partSizes({ size, partSize }: { size: number; partSize: number }): number[] {
  const count = Math.max(1, Math.ceil(size / partSize));
  return Array.from({ length: count }, (_, i) => Math.min(partSize, size - i * partSize));
}

/** `Content-Disposition` (RFC 6266): always a download, never a page. */
export function dispositionOf(filename: string): string {
  const ascii = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const whole = encodeURIComponent(filename.toWellFormed()).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${whole}`;
}
