import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Lists } from '../../platform/http/paging.ts';
import type { Part } from '../../platform/http/part.ts';
import type { ObjectStorage } from '../../platform/objects/objects.ts';
import type { Grants } from '../access/grants.ts';
import type { Events } from '../events/events.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { createMakeAvatar } from './avatar-image.ts';
import { avatarRoutes } from './avatar-routes.ts';
import { createAvatars } from './avatars.ts';
import { createCompletion } from './completion.ts';
import { createDownloads, type Downloads } from './downloads.ts';
import type { FileStore } from './file-store.ts';
import { registerFollowUps } from './follow-ups.ts';
import { registerFileTending } from './jobs.ts';
import { objectRoutes } from './object-routes.ts';
import { createOwnFiles, type OwnFiles } from './own-files.ts';
import { fileRoutes } from './routes.ts';
import { createCleaning } from './storage-cleaning.ts';
import { createUploads } from './uploads.ts';

/** Files, for other modules: they keep the ids of a file and of its owner. */
export interface Files {
  /** A user's own file; that of somebody else is not found, either. `objectKey` is null until it has arrived. Throws `file_not_found`. */
  get: OwnFiles['get'];
  /** A URL at which a user's file can be read for five minutes, by whoever has it: the caller decides who may. Throws `file_not_found`, `upload_incomplete`. */
  download: Downloads;
}

/** Files of people, and their avatars: `createFiles({ ...base, store: storage.files, objects, users, grants, roleCodesOf, list })`. */
export function createFiles(deps: {
  store: FileStore;
  objects: ObjectStorage;
  users: Users;
  userStore: UserStore;
  grants: Pick<Grants, 'fileQuotaOf'>;
  roleCodesOf: (user: UserRecord) => string[] | Promise<string[]>;
  periodic: Periodic;
  list: Lists;
  events: Events;
  config: Config;
  clock: Clock;
}): { part: Part; files: Files } {
  const { grants, objects, roleCodesOf, config } = deps;
  const cleaning = createCleaning(deps);
  const ownFiles = createOwnFiles({ ...deps, cleaning });
  const uploads = createUploads({ ...deps, ownFiles, quotaOf: grants.fileQuotaOf });
  const complete = createCompletion({ ...deps, ownFiles });
  const download = createDownloads({ ...deps, ownFiles });
  const avatars = createAvatars({ ...deps, makeAvatar: createMakeAvatar() });
  registerFileTending({ ...deps, ownFiles, cleaning, avatars });
  registerFollowUps({ ...deps, ownFiles, cleaning });
  return {
    part: {
      routes: [
        fileRoutes({ ...deps, ownFiles, uploads, complete, download }),
        avatarRoutes({ avatars, roleCodesOf, publicUrl: config.publicUrl }),
        objectRoutes({ objects, patience: config.http.requestTimeout }),
      ],
    },
    files: { get: ownFiles.get, download },
  };
}
