import type { ObjectStorage } from '../../platform/objects/objects.ts';
import type { EventRecord } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { UserStore } from '../users/user-store.ts';
import type { FileStore } from './file-store.ts';
import { stagingKey } from './names.ts';
import type { OwnFiles } from './own-files.ts';
import type { Cleaning } from './storage-cleaning.ts';

/** Files of an erased user that are deleted at a time. */
const BATCH = 100;

const idOf = ({ target }: Pick<EventRecord, 'target'>): string => target.slice(target.indexOf(':') + 1);

/** Registers what follows from events of files, and of the accounts that they belong to. Each step is safe to repeat. */
export function registerFollowUps(deps: {
  store: FileStore;
  objects: ObjectStorage;
  ownFiles: OwnFiles;
  cleaning: Cleaning;
  userStore: Pick<UserStore, 'find'>;
  events: Events;
}): void {
  const { store, objects, ownFiles, cleaning, userStore, events } = deps;

  /** The objects first: a crash in between leaves records, by which the rest is found. */
  async function eraseFilesOf(userId: string): Promise<void> {
    for (;;) {
      const files = await store.ofUser(userId, BATCH);
      if (files.length === 0) return;
      for (const file of files) {
        await cleaning.removeObjects(file);
        await ownFiles.discard(null, file.id, 'erased');
      }
    }
  }

  events.on('file.deleted', 'files', async (event) => cleaning.clean(idOf(event)));
  events.on('file.completed', 'files', async (event) => {
    const file = await store.find(idOf(event));
    if (file?.purpose === 'file') await objects.remove(stagingKey(file.id));
  });

  events.on('user.erased', 'files', async (event) => eraseFilesOf(idOf(event)));
  // A request that was under way during the erasure.
  events.on('file.created', 'files', async ({ userId }) => {
    if (userId === null) return;
    const user = await userStore.find(userId);
    if (!user || user.status === 'erased') await eraseFilesOf(userId);
  });

  events.on('user.avatar_changed', 'files', async ({ data }) => {
    const { avatarId } = (data.before ?? {}) as { avatarId?: unknown };
    if (typeof avatarId === 'string') await ownFiles.discard(null, avatarId, 'replaced');
  });
}
