import type { ExpressionBuilder, Selectable, Updateable } from 'kysely';
import { type Database, sqlOf } from '../../platform/database/database.ts';
import { type NullableTimeColumn, type TimeColumn, toDate, toDateOrNull } from '../../platform/database/values.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import type { FileAt, FileFilter, FileRecord, FileStore } from './file-store.ts';

interface FileRow {
  id: string;
  user_id: string;
  purpose: FileRecord['purpose'];
  filename: string;
  content_type: string;
  size: number;
  sha256: string | null;
  status: FileRecord['status'];
  upload_id: string | null;
  part_size: number | null;
  object_key: string | null;
  tend_at: NullableTimeColumn;
  created_at: TimeColumn;
  updated_at: TimeColumn;
  version: number;
}

type Tables = { files: FileRow };

/** Files on SQL. */
export function createSqlFileStore(deps: { database: Database; outbox: SqlOutbox }): FileStore {
  const database = sqlOf<Tables>(deps.database);
  const { db } = database;

  const shown =
    ({ userId, status }: FileFilter) =>
    ({ eb, and }: ExpressionBuilder<Tables, 'files'>) =>
      and([
        eb('purpose', '=', 'file'),
        status === undefined ? eb('status', '<>', 'deleted') : eb('status', '=', status),
        ...(userId === null ? [] : [eb('user_id', '=', userId)]),
      ]);

  const update = (trx: Pick<typeof db, 'updateTable'>, { id, version, now }: FileAt, set: Updateable<FileRow>) =>
    trx
      .updateTable('files')
      .set({ ...set, updated_at: now, version: version + 1 })
      .where('id', '=', id)
      .where('version', '=', version)
      .executeTakeFirst()
      .then(({ numUpdatedRows }) => numUpdatedRows === 1n);

  const change = (at: FileAt, set: Updateable<FileRow>, event: EventDraft) =>
    deps.outbox.commit(database, event, at.version + 1, (trx) => update(trx, at, set));

  return {
    async insert(file, event) {
      await deps.outbox.commit(database, event, file.version, async (trx) => {
        await trx.insertInto('files').values(toRow(file)).execute();
        return true;
      });
    },

    async find(id) {
      const row = await db.selectFrom('files').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? toRecord(row) : null;
    },

    async list(filter, { before, skip, limit }) {
      const page = db
        .selectFrom('files')
        .selectAll()
        .where(shown(filter))
        .orderBy('id', 'desc')
        .offset(skip)
        .limit(limit);
      return (await (before === null ? page : page.where('id', '<', before)).execute()).map(toRecord);
    },

    async count(filter, limit) {
      const some = db.selectFrom('files').select('id').where(shown(filter)).limit(limit).as('some');
      const { count } = await db
        .selectFrom(some)
        .select(({ fn }) => fn.countAll().as('count'))
        .executeTakeFirstOrThrow();
      return Number(count);
    },

    async usage(userId) {
      const { bytes, files } = await db
        .selectFrom('files')
        .select(({ fn }) => [fn.sum('size').as('bytes'), fn.countAll().as('files')])
        .where('user_id', '=', userId)
        .where('purpose', '=', 'file')
        // The parts of a deleted upload are gone with it; in one piece, it can still be sent again.
        .where(({ or, eb }) => or([eb('status', '<>', 'deleted'), eb('upload_id', 'is', null)]))
        .executeTakeFirstOrThrow();
      return { bytes: Number(bytes ?? 0), files: Number(files) };
    },

    async setUpload({ id, version, now }, uploadId) {
      const result = await db
        .updateTable('files')
        .set({ upload_id: uploadId, updated_at: now })
        .where('id', '=', id)
        .where('version', '=', version)
        .where('upload_id', 'is', null)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },

    complete: (at, { objectKey, sha256, tendAt }, event) =>
      change(at, { status: 'ready', object_key: objectKey, sha256, tend_at: tendAt }, event),

    remove: (at, tendAt, event) =>
      change(at, { status: 'deleted', filename: '', content_type: '', sha256: null, tend_at: tendAt }, event),

    async tend({ id, version }, tendAt) {
      const result = await db
        .updateTable('files')
        .set({ tend_at: tendAt })
        .where('id', '=', id)
        .where('version', '=', version)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },

    async forget(id) {
      await db.deleteFrom('files').where('id', '=', id).where('status', '=', 'deleted').execute();
    },

    async due(now, limit) {
      const due = db.selectFrom('files').selectAll().where('tend_at', '<=', now);
      return (await due.orderBy('tend_at').limit(limit).execute()).map(toRecord);
    },

    async ofUser(userId, limit) {
      const theirs = db.selectFrom('files').selectAll().where('user_id', '=', userId).where('status', '<>', 'deleted');
      return (await theirs.orderBy('id').limit(limit).execute()).map(toRecord);
    },
  };
}

function toRow({ id, purpose, filename, size, sha256, status, version, ...file }: FileRecord) {
  return {
    id,
    user_id: file.userId,
    purpose,
    filename,
    content_type: file.contentType,
    size,
    sha256,
    status,
    upload_id: file.uploadId,
    part_size: file.partSize,
    object_key: file.objectKey,
    tend_at: file.tendAt,
    created_at: file.createdAt,
    updated_at: file.updatedAt,
    version,
  };
}

function toRecord({ id, purpose, filename, size, sha256, status, version, ...row }: Selectable<FileRow>): FileRecord {
  return {
    id,
    userId: row.user_id,
    purpose,
    filename,
    contentType: row.content_type,
    size,
    sha256,
    status,
    uploadId: row.upload_id,
    partSize: row.part_size,
    objectKey: row.object_key,
    tendAt: toDateOrNull(row.tend_at),
    createdAt: toDate(row.created_at),
    updatedAt: toDate(row.updated_at),
    version,
  };
}
