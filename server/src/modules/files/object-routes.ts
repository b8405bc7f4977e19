import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { platformErrors } from '../../platform/errors.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { bytesAnswer } from '../../platform/http/schemas.ts';
import { slowBody } from '../../platform/http/slow-bodies.ts';
import { type Admission, isKey, type ObjectGate, type ObjectStorage } from '../../platform/objects/objects.ts';
import { byteRange } from './byte-range.ts';
import { fileErrors } from './errors.ts';

const TAGS = ['Files'];
const params = Type.Object({ area: Type.String({ maxLength: 20 }), name: Type.String({ maxLength: 110 }) });

/** Nothing that was uploaded may run as a page of this server, load anything, or be read as another type than it is sent with. */
const HARMLESS = {
  'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
};

/** The routes that signed URLs lead to where the storage is a folder: with a bucket, its service answers them, and these say 404. */
export function objectRoutes(deps: { objects: ObjectStorage; patience: number }) {
  const { objects, patience } = deps;

  /** Throws `url_invalid` for whatever was not signed like this. */
  function admit(request: FastifyRequest): { gate: ObjectGate; admission: Admission } {
    const { gate } = objects;
    if (gate === null) throw platformErrors.not_found();
    const { area, name } = request.params as { area: string; name: string };
    const { url = '' } = request.raw;
    const at = url.indexOf('?');
    const key = `${area}/${name}`;
    // Without a signature nobody learns whether there is such an object.
    if (at < 0 || !isKey(key)) throw platformErrors.not_found();
    const admission = gate.admit(request.method, key, url.slice(at + 1));
    if (admission === null) throw fileErrors.url_invalid();
    return { gate, admission };
  }

  async function send(request: FastifyRequest, reply: FastifyReply, { key, contentType, disposition }: Admission) {
    const stored = await objects.find(key);
    if (stored === null) throw platformErrors.not_found();
    const range = byteRange(request.headers.range, stored.size);
    const body = await objects.read(key, range ?? undefined);
    if (body === null) throw platformErrors.not_found();
    const length = range === null ? stored.size : range.end - range.start + 1;
    return reply
      .code(range === null ? 200 : 206)
      .headers({
        ...HARMLESS,
        ...(range !== null && { 'content-range': `bytes ${range.start}-${range.end}/${stored.size}` }),
        'content-length': String(length),
        'content-disposition': disposition,
        'accept-ranges': 'bytes',
        'cache-control': 'private, no-store',
        etag: `"${stored.etag}"`,
      })
      .type(contentType ?? 'application/octet-stream')
      .send(body instanceof Readable ? body : Readable.from(body));
  }

  return async (app: HttpServer): Promise<void> => {
    await app.register(async (scope: HttpServer) => {
      // Whatever its type, the body is read by the handler, once it knows that it may come.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));

      scope.put(
        '/objects/:area/:name',
        {
          config: {
            access: 'public',
            limit: 'none',
            takes: 'application/octet-stream',
            errors: ['url_invalid', 'upload_mismatch', 'upload_ended', 'not_found'],
          },
          schema: {
            operationId: 'putObject',
            summary: 'Send the bytes of a file, or of a part, to a URL that was signed for it',
            description:
              'Only with the URL and the header fields of an upload. With an S3-compatible storage, its service has such a route.',
            tags: TAGS,
            params,
            response: { 200: Type.Null() },
          },
        },
        async (request, reply) => {
          const { gate, admission } = admit(request);
          const { size, contentType } = admission;
          const length = request.headers['content-length'];
          const isRight =
            (length === undefined || length === String(size)) &&
            // A request without bytes has lost its type on arrival.
            (contentType === null || size === 0 || request.headers['content-type'] === contentType);
          if (!isRight) throw fileErrors.upload_mismatch();
          const stored = await gate.receive(admission, slowBody(request.raw, patience));
          if (stored === 'mismatch') throw fileErrors.upload_mismatch();
          if (stored === 'gone') throw fileErrors.upload_ended();
          return reply
            .code(200)
            .header('etag', `"${stored.etag}"`)
            .send(undefined as never);
        },
      );

      scope.get(
        '/objects/:area/:name',
        {
          exposeHeadRoute: false,
          config: { access: 'public', limit: 'none', errors: ['url_invalid', 'not_found'] },
          schema: {
            operationId: 'getObject',
            summary: 'Read a file by a URL that was signed for it',
            description:
              'The target of `GET /api/v1/files/{id}/download`. Takes `Range` with one range. With an S3-compatible storage, its service has such a route.',
            tags: TAGS,
            params,
            response: { 200: bytesAnswer, 206: bytesAnswer },
          },
        },
        (request, reply) => send(request, reply, admit(request).admission),
      );
    });
  };
}
