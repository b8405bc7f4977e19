import type { Clock } from '../../platform/clock.ts';
import { type Caller, subjectOf } from '../../platform/http/caller.ts';
import { isId } from '../../platform/ids.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Events } from '../events/events.ts';
import { fileErrors } from './errors.ts';
import type { FileRecord, FileStore } from './file-store.ts';
import type { Cleaning } from './storage-cleaning.ts';

/** Why a file was deleted, for its event. */
export type Reason = 'owner' | 'unfinished' | 'refused' | 'replaced' | 'quota' | 'erased';

/** Files as their owners find and delete them. */
export interface OwnFiles {
  /** The user's own file; somebody else's is not found, either. Throws `file_not_found`. */
  get(userId: string, id: string): Promise<FileRecord>;
  /** Throws `file_not_found`. */
  remove(caller: Caller, userId: string, id: string): Promise<void>;
  /** Deletes a file of whomever, in whatever state; the storage is cleaned by what follows from the event. False: there is none. */
  discard(caller: Caller | null, id: string, reason: Reason): Promise<boolean>;
}

export function createOwnFiles(deps: { store: FileStore; cleaning: Cleaning; events: Events; clock: Clock }): OwnFiles {
  const { store, cleaning, events, clock } = deps;

  async function get(userId: string, id: string): Promise<FileRecord> {
    const file = isId(id) ? await store.find(id) : null;
    if (file?.userId !== userId || file.purpose !== 'file' || file.status === 'deleted')
      throw fileErrors.file_not_found();
    return file;
  }

  /** Null after a lost race. */
  async function removeAt(caller: Caller | null, file: FileRecord, reason: Reason): Promise<true | null> {
    const now = clock();
    const event = events.describe(caller, {
      type: 'file.deleted',
      target: `file:${file.id}`,
      // Of an account that is erased nothing new is written into its history.
      userId: reason === 'erased' ? null : file.userId,
      actorId: (caller && subjectOf(caller)?.id) ?? null,
      data: { reason, size: file.size },
    });
    const at = { id: file.id, version: file.version, now };
    return (await store.remove(at, cleaning.tombstoneUntil(file, now), event)) ? true : null;
  }

  return {
    get,

    async remove(caller, userId, id) {
      await untilWon(async () => removeAt(caller, await get(userId, id), 'owner'), { record: `file:${id}` });
    },

    discard: (caller, id, reason) =>
      untilWon(
        async () => {
          const file = await store.find(id);
          if (!file || file.status === 'deleted') return { removed: false };
          return (await removeAt(caller, file, reason)) && { removed: true };
        },
        { record: `file:${id}` },
      ).then(({ removed }) => removed),
  };
}
