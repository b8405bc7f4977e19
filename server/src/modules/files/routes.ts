import { Type } from 'typebox';
import { prefersJson } from '../../platform/http/accept.ts';
import { actorOf } from '../../platform/http/actor.ts';
import { callerOf, type SessionActor } from '../../platform/http/caller.ts';
import { type ListSource, type Lists, listSchema } from '../../platform/http/paging.ts';
import type { RoutePlugin } from '../../platform/http/part.ts';
import { optionalBody } from '../../platform/http/schemas.ts';
import { isId } from '../../platform/ids.ts';
import type { ObjectStorage } from '../../platform/objects/objects.ts';
import type { Complete } from './completion.ts';
import type { Downloads } from './downloads.ts';
import type { FileFilter, FileRecord, FileStore } from './file-store.ts';
import type { OwnFiles } from './own-files.ts';
import {
  allFilesQuery,
  bucketsSchema,
  completeBody,
  createdFileSchema,
  createdView,
  downloadSchema,
  fileBody,
  fileParams,
  fileSchema,
  filesQuery,
  fileView,
  partedFileBody,
  partedFileSchema,
  partsQuery,
  partsSchema,
  partsView,
} from './schemas.ts';
import type { Uploads } from './uploads.ts';

const TAGS = ['Files'];
/** No user has this id. */
const NOBODY = '';

/** Routes on which people announce, complete, find, read and delete their files, and administrators see all. */
export function fileRoutes(deps: {
  store: FileStore;
  objects: ObjectStorage;
  ownFiles: OwnFiles;
  uploads: Uploads;
  complete: Complete;
  download: Downloads;
  list: Lists;
}): RoutePlugin {
  const { store, objects, ownFiles, uploads, complete, download, list } = deps;

  const holderOf = ({ userId, roleIds }: SessionActor) => ({ id: userId, roleIds });
  const announced = <T extends { sha256?: string }>(body: T) => ({
    ...body,
    sha256: body.sha256?.toLowerCase() ?? null,
  });
  const sourceOf = (filter: FileFilter): ListSource<FileRecord> => ({
    // A cursor is valid only for the list that it came from.
    name: `files ${filter.userId ?? ''} ${filter.status ?? ''}`,
    read: ({ after, skip, limit }) => store.list(filter, { before: after, skip, limit }),
    count: (limit) => store.count(filter, limit),
    keyOf: ({ id }) => id,
  });
  async function page(query: Parameters<Lists>[0] & Omit<FileFilter, 'userId'>, userId: string | null) {
    const { status, ...rest } = query;
    const found = await list(rest, sourceOf({ userId, ...(status && { status }) }));
    return { ...found, items: found.items.map(fileView) };
  }

  return async (app) => {
    app.post(
      '/files',
      {
        config: { access: 'signedIn', errors: ['quota_exceeded'] },
        schema: {
          operationId: 'createFile',
          summary: 'Announce a file of at most 1 GiB; the answer has a URL to send it to',
          description:
            'Send the bytes by `upload` within 15 minutes, then complete the file. What is not completed within a day is deleted.',
          tags: TAGS,
          body: fileBody,
          response: { 201: createdFileSchema },
        },
      },
      async (request, reply) => {
        const holder = holderOf(actorOf(request));
        const created = await uploads.begin(callerOf(request), holder, announced(request.body));
        return reply.code(201).send(createdView(created));
      },
    );

    app.post(
      '/files/multipart',
      {
        config: { access: 'signedIn', errors: ['quota_exceeded', 'upload_ended'] },
        schema: {
          operationId: 'createFileInParts',
          summary: 'Announce a file that is sent in parts',
          description:
            'PUT each part to its URL, in any order and several at a time. The first 1,000 parts are listed; `GET /api/v1/files/{id}/parts` lists others, and signs new URLs.',
          tags: TAGS,
          body: partedFileBody,
          response: { 201: partedFileSchema },
        },
      },
      async (request, reply) => {
        const holder = holderOf(actorOf(request));
        const { file, view } = await uploads.beginParts(callerOf(request), holder, announced(request.body));
        return reply.code(201).send({ file: fileView(file), ...partsView(file, view) });
      },
    );

    app.get(
      '/files/:id/parts',
      {
        config: { access: 'signedIn', errors: ['file_not_found', 'upload_ended'] },
        schema: {
          operationId: 'listFileParts',
          summary: 'Which parts have arrived, and URLs for the others',
          description: 'Continues an upload that was interrupted. The URLs are good for an hour.',
          tags: TAGS,
          params: fileParams,
          querystring: partsQuery,
          response: { 200: partsSchema },
        },
      },
      async (request) => {
        const { userId } = actorOf(request);
        const { id } = request.params;
        const view = await uploads.parts(userId, id, request.query.from ?? 1);
        return partsView(await ownFiles.get(userId, id), view);
      },
    );

    app.post(
      '/files/:id/complete',
      {
        config: { access: 'signedIn', errors: ['file_not_found', 'upload_incomplete', 'upload_refused'] },
        schema: {
          operationId: 'completeFile',
          summary: 'Complete a file whose bytes have been sent',
          description:
            'Size, type and SHA-256 of what arrived must be what was announced; otherwise the file is deleted. Completing it again gives the same answer.',
          tags: TAGS,
          params: fileParams,
          body: optionalBody(completeBody),
          response: { 200: fileSchema },
        },
      },
      async (request) => {
        const { userId } = actorOf(request);
        const parts = request.body?.parts ?? null;
        return fileView(await complete(callerOf(request), userId, request.params.id, parts));
      },
    );

    app.get(
      '/files',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'listMyFiles',
          summary: 'Your files, the latest first',
          description: 'By page, or by cursor for deeper reading.',
          tags: TAGS,
          querystring: filesQuery,
          response: { 200: listSchema(fileSchema) },
        },
      },
      async (request) => page(request.query, actorOf(request).userId),
    );

    app.get(
      '/files/:id',
      {
        config: { access: 'signedIn', errors: ['file_not_found'] },
        schema: {
          operationId: 'getFile',
          summary: 'A file of yours',
          description: 'What is known of it; not its bytes.',
          tags: TAGS,
          params: fileParams,
          response: { 200: fileSchema },
        },
      },
      async (request) => fileView(await ownFiles.get(actorOf(request).userId, request.params.id)),
    );

    app.get(
      '/files/:id/download',
      {
        config: { access: 'signedIn', errors: ['file_not_found', 'upload_incomplete'], answerHeaders: ['Location'] },
        schema: {
          operationId: 'downloadFile',
          summary: 'Read a file: leads to a URL that is good for five minutes',
          description:
            'With `Accept: application/json` the answer is 200 with that URL. It is always a download: browsers show nothing of it as a page.',
          tags: TAGS,
          params: fileParams,
          response: { 200: downloadSchema, 302: Type.Null() },
        },
      },
      async (request, reply) => {
        const { url, expiresAt } = await download(actorOf(request).userId, request.params.id);
        if (prefersJson(request.headers.accept)) return { url, expiresAt };
        return reply
          .code(302)
          .header('location', url)
          .send(undefined as never);
      },
    );

    app.delete(
      '/files/:id',
      {
        config: { access: 'signedIn', errors: ['file_not_found'] },
        schema: {
          operationId: 'deleteFile',
          summary: 'Delete a file, or abort its upload',
          description: 'It cannot be restored.',
          tags: TAGS,
          params: fileParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await ownFiles.remove(callerOf(request), actorOf(request).userId, request.params.id);
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/admin/files',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'listFiles',
          summary: 'Files of all users, the latest first',
          description: 'Unfinished uploads too. Administrators see that files exist, and cannot read them.',
          tags: TAGS,
          querystring: allFilesQuery,
          response: { 200: listSchema(fileSchema) },
        },
      },
      // Nobody is called by what is no id; it may not even be text that a database takes.
      async ({ query: { userId, ...query } }) =>
        page(query, userId === undefined ? null : isId(userId) ? userId : NOBODY),
    );

    app.get(
      '/admin/storage/buckets',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'listBuckets',
          summary: 'Where files are stored, and how much there is',
          description: 'Counts what is in the storage, up to 10,000 objects.',
          tags: TAGS,
          response: { 200: bucketsSchema },
        },
      },
      async () => ({ items: [await objects.bucket()] }),
    );
  };
}
