import { after, type Clock } from '../../platform/clock.ts';
import { platformErrors } from '../../platform/errors.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { isId, newId } from '../../platform/ids.ts';
import type { ObjectStorage } from '../../platform/objects/objects.ts';
import type { Events } from '../events/events.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { MakeAvatar } from './avatar-image.ts';
import type { FileRecord, FileStore } from './file-store.ts';
import { AVATAR_SIZES, avatarKey, UPLOAD_TTL } from './names.ts';

const WEBP = 'image/webp';

/** The pictures that people show of themselves. */
export interface Avatars {
  /** Replaces the avatar by what was sent. Throws `avatar_invalid`, `overloaded`, `unauthenticated`. */
  set(caller: Caller, userId: string, sent: Buffer): Promise<UserRecord>;
  /** Throws `unauthenticated`. */
  clear(caller: Caller, userId: string): Promise<UserRecord>;
  /** The bytes of an avatar, WebP. Throws `not_found`. */
  read(id: string, size: number): Promise<Buffer>;
  /** Decides what becomes of an avatar that was never noted as done: its process was killed before or after the user got it. */
  settle(file: FileRecord): Promise<'kept' | 'left over'>;
}

/**
 * An avatar is a file of its own that no list shows: first its record, then its pictures, then the user, who names it from then on. So nothing
 * stays behind unseen, whenever a process is killed; a former avatar is deleted by what follows from the change of the user.
 */
export function createAvatars(deps: {
  store: FileStore;
  objects: ObjectStorage;
  users: Pick<Users, 'setAvatar'>;
  userStore: Pick<UserStore, 'find'>;
  makeAvatar: MakeAvatar;
  events: Events;
  clock: Clock;
}): Avatars {
  const { store, objects, users, userStore, makeAvatar, events, clock } = deps;

  const describe = (caller: Caller | null, type: string, { id, userId, size }: FileRecord) =>
    events.describe(caller, { type, target: `file:${id}`, userId, data: { size } });

  async function noteDone(caller: Caller | null, file: FileRecord): Promise<void> {
    const arrived = { objectKey: avatarKey(file.id), sha256: null, tendAt: null };
    const at = { id: file.id, version: file.version, now: clock() };
    await store.complete(at, arrived, describe(caller, 'file.completed', file));
  }

  return {
    async set(caller, userId, sent) {
      const images = await makeAvatar(sent);
      const now = clock();
      const file: FileRecord = {
        id: newId(now),
        userId,
        purpose: 'avatar',
        filename: '',
        contentType: WEBP,
        size: images.reduce((sum, { bytes }) => sum + bytes.length, 0),
        sha256: null,
        status: 'uploading',
        uploadId: null,
        partSize: null,
        objectKey: null,
        tendAt: after(now, UPLOAD_TTL),
        createdAt: now,
        updatedAt: now,
        version: 1,
      };
      await store.insert(file, describe(caller, 'file.created', file));
      for (const { size, bytes } of images) await objects.put(avatarKey(file.id, size), bytes, WEBP);
      const user = await users.setAvatar(caller, userId, file.id);
      await noteDone(caller, file);
      return user;
    },

    clear: (caller, userId) => users.setAvatar(caller, userId, null),

    async read(id, size) {
      const known = isId(id) && AVATAR_SIZES.some((one) => one === size);
      const chunks = known ? await objects.read(avatarKey(id, size)) : null;
      if (chunks === null) throw platformErrors.not_found();
      const all: Uint8Array[] = [];
      for await (const chunk of chunks) all.push(chunk);
      return Buffer.concat(all);
    },

    async settle(file) {
      const user = await userStore.find(file.userId);
      if (user?.avatarId !== file.id) return 'left over';
      await noteDone(null, file);
      return 'kept';
    },
  };
}
