import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LATER, makeBareEvent, makeEvent, makeHash, makeId, NOW } from '../../../test/fixtures.ts';
import {
  assertHistory,
  describeStore,
  itRaces,
  type Open,
  onFresh,
  race,
  theWinner,
} from '../../../test/store-contract.ts';
import { after, DAY } from '../../platform/clock.ts';
import type { FileRecord, FileStore } from './file-store.ts';

const targetOf = ({ id }: Pick<FileRecord, 'id'>) => `file:${id}`;
const at = ({ id, version }: FileRecord) => ({ id, version, now: LATER });
const HASH = 'a1'.repeat(32);

/** A file in whose record nothing is empty. */
function makeFile(fields: Partial<FileRecord> = {}): FileRecord {
  return {
    id: makeId(),
    userId: makeId(),
    purpose: 'file',
    filename: 'Über “alles” 李 😀.pdf',
    contentType: 'application/pdf; charset=utf-8',
    size: 5_000_000_000_123,
    sha256: HASH,
    status: 'uploading',
    uploadId: `2~${makeHash()}`,
    partSize: 16 * 1024 ** 2,
    objectKey: `files/${makeId()}-0a`,
    tendAt: after(NOW, DAY),
    createdAt: NOW,
    updatedAt: NOW,
    version: 1,
    ...fields,
  };
}

/** One in whose record everything is empty that may be. */
const makeBareFile = (fields: Partial<FileRecord> = {}) =>
  makeFile({ sha256: null, uploadId: null, partSize: null, objectKey: null, tendAt: null, size: 0, ...fields });

const ARRIVED = { objectKey: 'files/018f-x', sha256: HASH, tendAt: LATER };

/** Every adapter of the file store keeps this. */
export function fileStoreContract(open: Open): void {
  describeStore('FileStore', open, (opened) => {
    const files = (): FileStore => opened().storage.files;

    async function insert(file = makeFile()) {
      const event = makeEvent(targetOf(file));
      await files().insert(file, event);
      return { file, event };
    }

    it('gives back what was put in, empty fields too', async () => {
      for (const file of [makeFile(), makeBareFile(), makeFile({ purpose: 'avatar', status: 'ready' })]) {
        const event = makeBareEvent(targetOf(file));
        await files().insert(file, event);
        assert.deepEqual(await files().find(file.id), file);
        await assertHistory(opened(), targetOf(file), [event]);
      }
      assert.equal(await files().find(makeId()), null);
    });

    it('completes, and becomes a tombstone without its name that goes at last, each with its event', async () => {
      const { file, event } = await insert(makeBareFile({ size: 7 }));
      const [completed, removed] = [makeEvent(targetOf(file)), makeEvent(targetOf(file))];
      assert.equal(await files().complete(at(file), ARRIVED, completed), true);
      const ready: FileRecord = { ...file, ...ARRIVED, status: 'ready', updatedAt: LATER, version: 2 };
      assert.deepEqual(await files().find(file.id), ready);
      await files().forget(file.id);
      assert.deepEqual(await files().find(file.id), ready);
      assert.equal(await files().remove(at(ready), NOW, removed), true);
      const empty = { filename: '', contentType: '', sha256: null, tendAt: NOW };
      assert.deepEqual(await files().find(file.id), { ...ready, ...empty, status: 'deleted', version: 3 });
      await assertHistory(opened(), targetOf(file), [event, completed, removed]);
      await files().forget(file.id);
      await files().forget(file.id);
      assert.equal(await files().find(file.id), null);
      await assertHistory(opened(), targetOf(file), [event, completed, removed]);
    });

    it('what was decided on an earlier version changes nothing', async () => {
      const { file, event } = await insert();
      const old = { ...file, version: 7 };
      assert.equal(await files().complete(at(old), ARRIVED, makeEvent(targetOf(file))), false);
      assert.equal(await files().remove(at(old), NOW, makeEvent(targetOf(file))), false);
      assert.equal(await files().tend(at(old), null), false);
      assert.equal(await files().setUpload(at(old), 'x'), false);
      assert.deepEqual(await files().find(file.id), file);
      await assertHistory(opened(), targetOf(file), [event]);
    });

    it('notes an upload once, and when to look after a file, without an event', async () => {
      const { file, event } = await insert(makeBareFile());
      assert.equal(await files().setUpload(at(file), 'an id/+='), true);
      assert.equal(await files().setUpload(at(file), 'another'), false);
      assert.equal(await files().tend(at(file), after(NOW, 1)), true);
      const noted = { ...file, uploadId: 'an id/+=', updatedAt: LATER, tendAt: after(NOW, 1) };
      assert.deepEqual(await files().find(file.id), noted);
      await assertHistory(opened(), targetOf(file), [event]);
    });

    it('lists and counts the files of one, the latest first, by status, without avatars and tombstones', async () => {
      const userId = makeId();
      const ids: string[] = [];
      for (let i = 0; i < 3; i++) {
        ids.unshift((await insert(makeFile({ userId, status: i === 0 ? 'ready' : 'uploading' }))).file.id);
      }
      await insert();
      for (const fields of [{ purpose: 'avatar' }, { status: 'deleted' }] as const) {
        await insert(makeFile({ userId, ...fields }));
      }
      const list = async (
        status?: 'ready' | 'uploading',
        page = { before: null as string | null, skip: 0, limit: 9 },
      ) => (await files().list({ userId, ...(status && { status }) }, page)).map(({ id }) => id);
      assert.deepEqual(await list(), ids);
      assert.deepEqual(await list(undefined, { before: ids[0] ?? '', skip: 1, limit: 1 }), ids.slice(2));
      assert.deepEqual(await list('ready'), ids.slice(2));
      assert.deepEqual(await list('uploading'), ids.slice(0, 2));
      const counts = [
        files().count({ userId }, 9),
        files().count({ userId }, 2),
        files().count({ userId, status: 'ready' }, 9),
      ];
      assert.deepEqual(await Promise.all(counts), [3, 2, 1]);
    });

    it('lists those of everybody', () =>
      onFresh(open, async ({ storage }) => {
        const made = [makeFile(), makeFile()];
        for (const file of made) await storage.files.insert(file, makeEvent(targetOf(file)));
        const all = await storage.files.list({ userId: null }, { before: null, skip: 0, limit: 9 });
        assert.deepEqual(all, made.reverse());
        assert.equal(await storage.files.count({ userId: null }, 9), 2);
      }));

    it('adds up what a user takes up: tombstones of one piece too, no avatars', async () => {
      const userId = makeId();
      assert.deepEqual(await files().usage(userId), { bytes: 0, files: 0 });
      await insert(makeFile({ userId, size: 4_000_000_000_000_000 }));
      await insert(makeFile({ userId, size: 3, status: 'ready' }));
      await insert(makeFile({ userId, size: 20, status: 'deleted', uploadId: null }));
      await insert(makeFile({ userId, size: 100, status: 'deleted' }));
      await insert(makeFile({ userId, size: 1000, purpose: 'avatar' }));
      assert.deepEqual(await files().usage(userId), { bytes: 4_000_000_000_000_023, files: 3 });
    });

    it('finds what is due, the earliest first, and all that a user has', () =>
      onFresh(open, async ({ storage }) => {
        const userId = makeId();
        const [late, early, later, never] = [
          makeFile({ userId, tendAt: NOW }),
          makeFile({ tendAt: after(NOW, -1), status: 'deleted' }),
          makeFile({ userId, tendAt: after(NOW, 1), purpose: 'avatar' }),
          makeFile({ userId, tendAt: null, status: 'deleted' }),
        ];
        for (const file of [late, early, later, never]) await storage.files.insert(file, makeEvent(targetOf(file)));
        assert.deepEqual(await storage.files.due(NOW, 9), [early, late]);
        assert.deepEqual(await storage.files.due(NOW, 1), [early]);
        assert.deepEqual(await storage.files.ofUser(userId, 9), [late, later]);
        assert.deepEqual(await storage.files.ofUser(userId, 1), [late]);
      }));

    itRaces('of 50 who complete a file one does', async () => {
      const { file, event } = await insert();
      const winner = theWinner(
        await race(
          () => makeEvent(targetOf(file)),
          (next) => files().complete(at(file), ARRIVED, next),
        ),
        true,
        false,
      );
      await assertHistory(opened(), targetOf(file), [event, winner]);
    });

    itRaces('of 50 who complete or remove a file one does', async (round) => {
      const { file, event } = await insert();
      const winner = theWinner(
        await race(
          (caller) => ({ completes: (caller + round) % 2 === 0, next: makeEvent(targetOf(file)) }),
          ({ completes, next }) =>
            completes ? files().complete(at(file), ARRIVED, next) : files().remove(at(file), NOW, next),
        ),
        true,
        false,
      );
      assert.equal((await files().find(file.id))?.status, winner.completes ? 'ready' : 'deleted');
      await assertHistory(opened(), targetOf(file), [event, winner.next]);
    });
  });
}
