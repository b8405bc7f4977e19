import { after, type Clock, DAY, HOUR } from '../../platform/clock.ts';
import type { ObjectStorage } from '../../platform/objects/objects.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { Avatars } from './avatars.ts';
import type { FileRecord, FileStore } from './file-store.ts';
import { finalKey, stagingKey } from './names.ts';
import type { OwnFiles } from './own-files.ts';
import type { Cleaning } from './storage-cleaning.ts';

/** Files that one step looks after. */
const BATCH = 100;

/**
 * Registers the job that gives up unfinished uploads, removes what was sent to URLs after their file was completed or deleted, and lets
 * tombstones go. A file of which the storage says no is looked after again an hour later, and holds up no other.
 */
export function registerFileTending(deps: {
  store: FileStore;
  objects: ObjectStorage;
  ownFiles: OwnFiles;
  cleaning: Cleaning;
  avatars: Avatars;
  periodic: Periodic;
  clock: Clock;
}): void {
  const { store, objects, ownFiles, cleaning, avatars, periodic, clock } = deps;

  async function tend(file: FileRecord): Promise<void> {
    if (file.status === 'deleted') return cleaning.clean(file.id);
    if (file.status === 'uploading') {
      if (file.purpose === 'avatar' && (await avatars.settle(file)) === 'kept') return;
      await ownFiles.discard(null, file.id, 'unfinished');
      return;
    }
    await objects.remove(stagingKey(file.id));
    // A process that was killed while it completed the file may have left a copy.
    await objects.remove(finalKey(file.id), file.objectKey);
    await store.tend({ id: file.id, version: file.version, now: clock() }, null);
  }

  periodic({
    name: 'files.tend',
    cron: '*/10 * * * *',
    async run({ signal, log }) {
      let [tended, failed] = [0, 0];
      const seen = new Set<string>();
      for (;;) {
        const due = await store.due(clock(), BATCH);
        const left = due.filter(({ id, version }) => !seen.has(`${id} ${version}`));
        if (left.length === 0) break;
        for (const file of left) {
          signal.throwIfAborted();
          seen.add(`${file.id} ${file.version}`);
          try {
            await tend(file);
            tended += 1;
          } catch (error) {
            failed += 1;
            log(`${file.id}: ${error instanceof Error ? error.message : error}`);
            await store.tend({ id: file.id, version: file.version, now: clock() }, after(clock(), HOUR));
          }
        }
      }
      await objects.tidy(after(clock(), -DAY));
      return { tended, failed };
    },
  });
}
