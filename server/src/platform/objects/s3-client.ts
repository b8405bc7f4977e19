import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { AwsClient, AwsV4Signer } from 'aws4fetch';
import { SECOND } from '../clock.ts';
import { platformErrors } from '../errors.ts';
import { element } from './s3-xml.ts';

export interface S3Options {
  /** Where this server reaches the service. */
  endpoint: string;
  /** Where clients do; the same if they use one name. */
  publicEndpoint: string;
  region: string;
  bucket: string;
  accessKey: string;
  secretKey: string;
  sessionToken: string | null;
  /** `path`: `https://host/bucket/key`; `host`: `https://bucket.host/key`. */
  addressing: 'path' | 'host';
  /** Whether it takes and tells checksums (`x-amz-checksum-sha256`); some services refuse what names them. */
  checksums: boolean;
}

export type Query = Readonly<Record<string, string>>;

export interface S3Answer {
  status: number;
  headers: Headers;
  /** The code of an S3 error; null without one. */
  code: string | null;
  text: string;
}

export interface S3Client {
  /** A URL that allows this until then; `headers` must be sent with it. */
  presign(
    method: string,
    key: string,
    options: { query?: Query; headers?: Record<string, string> },
    expiresAt: Date,
    now: Date,
  ): Promise<string>;
  /**
   * Asks the service; answers statuses below 500, and errors of S3 as they are. Rejects with `unavailable` where it does not answer, refuses
   * this server, or has no such bucket.
   */
  ask(
    method: string,
    key: string,
    options?: { query?: Query; headers?: Record<string, string>; body?: Uint8Array<ArrayBuffer> | string },
  ): Promise<S3Answer>;
  /** The body of an object as it arrives; null: there is no such object. */
  stream(key: string, headers: Record<string, string>): Promise<AsyncIterable<Uint8Array> | null>;
}

/** Milliseconds for an answer; joining many parts takes S3 minutes. */
const PATIENCE = 60 * SECOND;
const LONG_PATIENCE = 600 * SECOND;
/** Further tries after a failure of the service, with growing pauses. Each verb may be repeated. */
const RETRIES = 3;
/** Answers that say that something is wrong with the configuration of this server, not with the request. */
const REFUSALS = new Set([
  ...['AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'NoSuchBucket', 'ExpiredToken', 'InvalidToken'],
  ...['RequestTimeTooSkewed', 'AuthorizationHeaderMalformed', 'PermanentRedirect', 'InvalidBucketName'],
]);

/** Signs requests to a bucket (AWS Signature Version 4), and sends those of this server. */
export function createS3Client(options: S3Options): S3Client {
  const { bucket, addressing, accessKey: accessKeyId, secretKey: secretAccessKey, sessionToken, region } = options;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== null && { sessionToken }) };
  const aws = new AwsClient({ ...credentials, region, service: 's3', retries: RETRIES });

  function urlOf(endpoint: string, key: string, query: Query = {}): URL {
    const url = new URL(endpoint);
    if (addressing === 'host') url.hostname = `${bucket}.${url.hostname}`;
    const path = addressing === 'host' ? key : `${bucket}/${key}`;
    url.pathname = `${url.pathname.replace(/\/$/, '')}/${path}`;
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  async function send(
    method: string,
    url: URL,
    { headers = {}, body }: { headers?: Record<string, string>; body?: Uint8Array<ArrayBuffer> | string | undefined },
    patience: number,
  ): Promise<Response> {
    const signal = AbortSignal.timeout(patience);
    const content = body === undefined ? {} : { body };
    return aws.fetch(url, { method, headers, ...content, signal, redirect: 'manual' }).catch((cause: unknown) => {
      throw unavailable(cause);
    });
  }

  return {
    async presign(method, key, { query = {}, headers = {} }, expiresAt, now) {
      const url = urlOf(options.publicEndpoint, key, query);
      const seconds = Math.floor((expiresAt.getTime() - now.getTime()) / 1000);
      url.searchParams.set('X-Amz-Expires', String(seconds));
      const datetime = now.toISOString().replace(/[:-]|\.\d{3}/g, '');
      // `allHeaders`: by default type and length would not be signed, and could be chosen by whoever has the URL.
      const how = { signQuery: true, allHeaders: true, datetime, region, service: 's3' };
      const signed = await new AwsV4Signer({ ...credentials, ...how, url: url.href, method, headers }).sign();
      return signed.url.href;
    },

    async ask(method, key, { query, headers, body } = {}) {
      const patience = method === 'POST' || headers?.['x-amz-copy-source'] !== undefined ? LONG_PATIENCE : PATIENCE;
      const response = await send(
        method,
        urlOf(options.endpoint, key, query),
        { headers: headers ?? {}, body },
        patience,
      );
      const text = await response.text().catch((cause: unknown) => {
        throw unavailable(cause);
      });
      // S3 may begin the answer to a long work with 200, and end it with an error.
      const code = element(text, 'Code');
      // What a service does not have is for the caller to do without.
      const isBroken = response.status >= 500 && response.status !== 501;
      const failed = isBroken || (code !== null && REFUSALS.has(code)) || response.status === 403;
      if (failed) throw unavailable(new Error(`S3 answered ${method} with ${response.status} ${code ?? ''}`.trim()));
      return { status: response.status, headers: response.headers, code, text };
    },

    async stream(key, headers) {
      const how = { region, service: 's3', method: 'GET', headers };
      const url = urlOf(options.endpoint, key);
      const signed = await new AwsV4Signer({ ...credentials, ...how, url: url.href }).sign();
      const response = await read(url, Object.fromEntries(signed.headers));
      if (response.statusCode === 200 || response.statusCode === 206) return arriving(response);
      response.resume();
      if (response.statusCode === 404) return null;
      throw unavailable(new Error(`S3 answered a read with ${response.statusCode}`));
    },
  };
}

/** Not by `fetch`, which copies each chunk: of a large object, twice as much would wait to be collected. */
async function read(url: URL, headers: Record<string, string>): Promise<IncomingMessage> {
  const request = (url.protocol === 'https:' ? https : http).get(url, { headers, timeout: PATIENCE });
  request.on('timeout', () => request.destroy(new Error('S3 stopped answering a read.')));
  // What breaks after the answer has begun is told by the answer, too; nobody listening here would end the process.
  request.on('error', () => {});
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  } catch (cause) {
    throw unavailable(cause);
  }
}

async function* arriving(response: IncomingMessage): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of response) yield chunk;
  } catch (cause) {
    throw unavailable(cause);
  }
}

function unavailable(cause: unknown): Error {
  return platformErrors.unavailable({ cause, headers: { 'retry-after': '5' } });
}
