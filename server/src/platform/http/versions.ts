import type { FastifyReply, preSerializationHookHandler } from 'fastify';
import { platformErrors } from '../errors.ts';
import type { Caller } from './caller.ts';

/** Proxies that compress an answer make its tag weak, as nginx does, or add the coding, as Apache does. */
const TAG = /^(?:W\/)?"(\d{1,15})(?:-+(?:gzip|br|deflate|zstd))?"$/;

/**
 * Throws `version_conflict` unless `If-Match` names the version of the record, or is missing (RFC 9110, 13.1.1). To be called with the record
 * that is then changed onto exactly this version, so that nobody can come in between.
 */
export function demandVersion({ ifMatch }: Pick<Caller, 'ifMatch'>, { version }: { version: number }): void {
  if (ifMatch === undefined) return;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (tags.some((tag) => tag === '*' || Number(TAG.exec(tag)?.[1]) === version)) return;
  throw platformErrors.version_conflict();
}

/** Sends the `version` of an answer as its `ETag` (RFC 9110, 8.8.3), too. */
export const sendVersion: preSerializationHookHandler = (_request, reply, payload, done) => {
  const { version } = (payload ?? {}) as { version?: unknown };
  if (Number.isInteger(version)) reply.header('etag', `"${version}"`);
  done(null, payload);
};

/** Sends an answer that was serialized before, as `sendVersion` would have it. */
export function sendVersioned(reply: FastifyReply, text: string, version: number): void {
  reply.header('content-type', 'application/json; charset=utf-8').header('etag', `"${version}"`).send(text);
}

/** Whether a route answers with one record that has a version. */
export function answersVersion(response: unknown): boolean {
  return Object.values(response ?? {}).some(
    (answer: { properties?: { version?: { type?: string } } }) => answer.properties?.version?.type === 'integer',
  );
}
