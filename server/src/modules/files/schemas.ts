import { type Static, Type } from 'typebox';
import { listQuery } from '../../platform/http/paging.ts';
import { nullable, timestamp } from '../../platform/http/schemas.ts';
import type { SignedRequest } from '../../platform/objects/objects.ts';
import type { FileRecord } from './file-store.ts';
import { LARGEST_FILE, LARGEST_PIECE, MOST_PARTS } from './names.ts';
import type { PartsView } from './uploads.ts';

const closed = { additionalProperties: false } as const;
const TOKEN = "[\\w!#$%&'*+.^`|~-]{1,100}";

const announced = {
  filename: Type.String({ maxLength: 255, format: 'name', examples: ['Report 2026.pdf'] }),
  contentType: Type.String({
    maxLength: 255,
    pattern: `^${TOKEN}/${TOKEN}(?:; ?${TOKEN}=${TOKEN})?$`,
    examples: ['application/pdf'],
  }),
  sha256: Type.Optional(
    Type.String({ pattern: '^[0-9A-Fa-f]{64}$', description: 'Hexadecimal.', examples: ['ab'.repeat(32)] }),
  ),
};

export const fileBody = Type.Object(
  { ...announced, size: Type.Integer({ minimum: 0, maximum: LARGEST_PIECE, description: 'Bytes.' }) },
  { ...closed, title: 'CreateFileBody' },
);
export const partedFileBody = Type.Object(
  { ...announced, size: Type.Integer({ minimum: 1, maximum: LARGEST_FILE, description: 'Bytes.' }) },
  { ...closed, title: 'CreateFileInPartsBody' },
);
export const completeBody = Type.Object(
  {
    parts: Type.Optional(
      Type.Array(
        Type.Object(
          {
            number: Type.Integer({ minimum: 1, maximum: MOST_PARTS }),
            etag: Type.String({ maxLength: 200, description: 'From the answer to the part.' }),
          },
          { ...closed, title: 'SentPart' },
        ),
        { maxItems: MOST_PARTS, description: 'What you have sent; without it, what has arrived counts.' },
      ),
    ),
  },
  { ...closed, title: 'CompleteFileBody' },
);
export const fileParams = Type.Object({ id: Type.String({ maxLength: 100 }) });
export const partsQuery = Type.Object(
  { from: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_PARTS, description: 'Default 1.' })) },
  closed,
);
const status = Type.Enum(['uploading', 'ready'], { title: 'FileStatus' });
export const filesQuery = Type.Object({ ...listQuery, status: Type.Optional(status) }, closed);
export const allFilesQuery = Type.Object(
  {
    ...listQuery,
    status: Type.Optional(status),
    userId: Type.Optional(Type.String({ maxLength: 100, description: 'The owner.' })),
  },
  closed,
);

export const fileSchema = Type.Object(
  {
    id: Type.String(),
    userId: Type.String(),
    filename: Type.String(),
    contentType: Type.String(),
    size: Type.Integer(),
    sha256: nullable(Type.String()),
    status,
    createdAt: timestamp(),
    updatedAt: timestamp(),
  },
  { title: 'File' },
);

export const createdFileSchema = Type.Object(
  {
    file: fileSchema,
    upload: Type.Object(
      {
        method: Type.Literal('PUT'),
        url: Type.String(),
        headers: Type.Unsafe<Record<string, string>>({
          type: 'object',
          additionalProperties: { type: 'string' },
          description: 'Send exactly these.',
        }),
        expiresAt: timestamp(),
      },
      { title: 'Upload' },
    ),
  },
  { title: 'CreatedFile' },
);

const parts = {
  partSize: Type.Integer({ description: 'Bytes of each part but the last.' }),
  parts: Type.Array(
    Type.Object(
      {
        number: Type.Integer(),
        size: Type.Integer(),
        arrived: Type.Boolean(),
        etag: nullable(Type.String()),
        url: nullable(Type.String({ description: 'Where to PUT it; null: it has arrived.' })),
      },
      { title: 'FilePart' },
    ),
  ),
  expiresAt: timestamp({ description: 'Of the URLs.' }),
  next: nullable(Type.Integer({ description: '`from` of the next parts; null: these are the last.' })),
};
export const partsSchema = Type.Object({ uploadId: Type.String(), ...parts }, { title: 'FileParts' });
export const partedFileSchema = Type.Object(
  { file: fileSchema, uploadId: Type.String(), ...parts },
  { title: 'CreatedFileInParts' },
);
export const downloadSchema = Type.Object({ url: Type.String(), expiresAt: timestamp() }, { title: 'Download' });

export const bucketsSchema = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          name: Type.String({ description: 'A folder, where there is no bucket.' }),
          region: nullable(Type.String()),
          objects: Type.Integer(),
          bytes: Type.Integer(),
          isExact: Type.Boolean({ description: 'False: there are more; 10,000 were counted.' }),
          versioning: Type.Enum(['off', 'enabled', 'suspended']),
        },
        { title: 'Bucket' },
      ),
    ),
  },
  { title: 'BucketList' },
);

/** A record as `fileSchema` shows it. */
export function fileView(file: FileRecord): Static<typeof fileSchema> {
  const { id, userId, filename, contentType, size, sha256, createdAt, updatedAt } = file;
  const status = file.status === 'ready' ? 'ready' : 'uploading';
  return { id, userId, filename, contentType, size, sha256, status, createdAt, updatedAt };
}

/** An announced file as `createdFileSchema` shows it. */
export function createdView(created: { file: FileRecord; upload: SignedRequest }): Static<typeof createdFileSchema> {
  return { file: fileView(created.file), upload: created.upload };
}

/** The parts of an upload as `partsSchema` shows them. */
export function partsView({ uploadId, partSize, size }: FileRecord, view: PartsView): Static<typeof partsSchema> {
  return { uploadId: uploadId ?? '', partSize: partSize ?? size, ...view };
}
