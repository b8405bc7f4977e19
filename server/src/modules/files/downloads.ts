import { after, type Clock } from '../../platform/clock.ts';
import type { ObjectStorage } from '../../platform/objects/objects.ts';
import { fileErrors } from './errors.ts';
import { servedType } from './file-types.ts';
import { DOWNLOAD_URL_TTL, dispositionOf } from './names.ts';
import type { OwnFiles } from './own-files.ts';

/** A URL at which a user's own file can be read for a while, by whoever has it. Throws `file_not_found`, `upload_incomplete`. */
export type Downloads = (userId: string, id: string) => Promise<{ url: string; expiresAt: Date }>;

export function createDownloads(deps: { objects: ObjectStorage; ownFiles: OwnFiles; clock: Clock }): Downloads {
  const { objects, ownFiles, clock } = deps;
  return async (userId, id) => {
    const file = await ownFiles.get(userId, id);
    if (file.objectKey === null) throw fileErrors.upload_incomplete();
    const expiresAt = after(clock(), DOWNLOAD_URL_TTL);
    const terms = { disposition: dispositionOf(file.filename), contentType: servedType(file.contentType) };
    return { url: await objects.signDownload(file.objectKey, terms, expiresAt), expiresAt };
  };
}
