import { after, type Clock } from '../../platform/clock.ts';
import type { ObjectStorage } from '../../platform/objects/objects.ts';
import type { FileRecord, FileStore } from './file-store.ts';
import { avatarKey, finalKey, PART_URL_TTL, stagingKey, UPLOAD_URL_TTL } from './names.ts';

/** Takes what belongs to deleted files out of the storage: objects first, then records, so that whatever comes in between is repeated. */
export interface Cleaning {
  /** Removes every object of a file, whatever state it is in. Safe to repeat. */
  removeObjects(file: Pick<FileRecord, 'id' | 'purpose'>): Promise<void>;
  /** Removes the objects of a tombstone, and the tombstone itself once no URL of it can be in use. Does nothing to other files. */
  clean(id: string): Promise<void>;
  /** When a tombstone that is made now may go: once nothing that was signed for the file can put anything any more. */
  tombstoneUntil(file: FileRecord, now: Date): Date;
}

export function createCleaning(deps: { store: FileStore; objects: ObjectStorage; clock: Clock }): Cleaning {
  const { store, objects, clock } = deps;

  async function removeObjects({ id, purpose }: Pick<FileRecord, 'id' | 'purpose'>): Promise<void> {
    const keys = purpose === 'avatar' ? [avatarKey(id)] : [stagingKey(id), finalKey(id)];
    for (const key of keys) await objects.remove(key);
  }

  return {
    removeObjects,

    async clean(id) {
      const file = await store.find(id);
      if (file?.status !== 'deleted') return;
      await removeObjects(file);
      if (file.tendAt === null || file.tendAt <= clock()) await store.forget(id);
    },

    tombstoneUntil({ purpose, partSize, status, createdAt }, now) {
      if (purpose === 'avatar') return now;
      // What is on its way while its upload is aborted may still be stored: a part, or the copy of whoever is completing it.
      if (status === 'uploading') return after(now, partSize === null ? UPLOAD_URL_TTL : PART_URL_TTL);
      const lastUrl = partSize === null ? after(createdAt, UPLOAD_URL_TTL) : now;
      return new Date(Math.max(lastUrl.getTime(), now.getTime()));
    },
  };
}
