import { after, type Clock, MINUTE } from '../clock.ts';
import { platformErrors } from '../errors.ts';
import {
  type BucketInfo,
  checkKey,
  MOST_COUNTED,
  type ObjectStorage,
  type StoredPart,
  type UploadAt,
} from './objects.ts';
import { createS3Client, type Query, type S3Answer, type S3Options } from './s3-client.ts';
import { element, elements, encode } from './s3-xml.ts';

type Versioning = BucketInfo['versioning'];

/** Keys that S3 lists at a time. */
const PAGE = 1000;

/** Objects in a bucket of a service that speaks S3. */
export function createS3Objects(options: S3Options & { clock: Clock }): ObjectStorage {
  const { clock, bucket, region, checksums } = options;
  const s3 = createS3Client(options);

  const presign = (
    method: string,
    key: string,
    rest: { query?: Query; headers?: Record<string, string> },
    expiresAt: Date,
  ) => s3.presign(method, checkKey(key), rest, expiresAt, clock());

  /** All pages of a list, each as its XML. `next` reads from one page what the query of the following one says. */
  async function* pages(key: string, query: Query, next: (xml: string) => Query | null): AsyncIterable<string> {
    for (let more: Query | null = {}; more !== null; ) {
      const { text } = expect(await s3.ask('GET', key, { query: { ...query, ...more } }), 200);
      yield text;
      more = element(text, 'IsTruncated') === 'true' ? next(text) : null;
    }
  }

  const objectPages = (prefix: string) =>
    pages('', { 'list-type': '2', prefix, 'max-keys': String(PAGE) }, (xml) => {
      const token = element(xml, 'NextContinuationToken');
      return token === null ? null : { 'continuation-token': token };
    });

  async function partsOf({ key, uploadId }: UploadAt): Promise<StoredPart[] | null> {
    const found: StoredPart[] = [];
    for (let after: string | null = '0'; after !== null; ) {
      const query = { uploadId, 'max-parts': String(PAGE), 'part-number-marker': after };
      const answer = await s3.ask('GET', checkKey(key), { query });
      if (answer.status === 404) return null;
      const { text } = expect(answer, 200);
      found.push(...elements(text, 'Part').map(partOf));
      after = element(text, 'IsTruncated') === 'true' ? element(text, 'NextPartNumberMarker') : null;
    }
    return found;
  }

  let known: { status: Versioning; until: Date } | null = null;

  /** Asked once a minute at most: each deletion needs it. */
  async function versioning(): Promise<Versioning> {
    if (known !== null && known.until > clock()) return known.status;
    const answer = await s3.ask('GET', '', { query: { versioning: '' } });
    // Not implemented: a service without versions.
    const said = answer.status === 501 ? null : element(expect(answer, 200).text, 'Status');
    const status = said === 'Enabled' ? 'enabled' : said === 'Suspended' ? 'suspended' : 'off';
    known = { status, until: after(clock(), MINUTE) };
    return status;
  }

  async function removeObject(key: string, query: Query = {}): Promise<void> {
    const answer = await s3.ask('DELETE', key, { query });
    if (answer.status !== 404) expect(answer, 204, 200);
  }

  async function removeVersions(prefix: string, keep: string | null): Promise<void> {
    const next = (xml: string) => ({
      'key-marker': element(xml, 'NextKeyMarker') ?? '',
      'version-id-marker': element(xml, 'NextVersionIdMarker') ?? '',
    });
    for await (const xml of pages('', { versions: '', prefix }, next)) {
      for (const entry of [...elements(xml, 'Version'), ...elements(xml, 'DeleteMarker')]) {
        const [key, versionId] = [element(entry, 'Key'), element(entry, 'VersionId')];
        if (key !== null && key !== keep && versionId !== null) await removeObject(key, { versionId });
      }
    }
  }

  async function endUploads(prefix: string): Promise<void> {
    const next = (xml: string) => ({
      'key-marker': element(xml, 'NextKeyMarker') ?? '',
      'upload-id-marker': element(xml, 'NextUploadIdMarker') ?? '',
    });
    for await (const xml of pages('', { uploads: '', prefix }, next)) {
      for (const upload of elements(xml, 'Upload')) {
        const [key, uploadId] = [element(upload, 'Key'), element(upload, 'UploadId')];
        if (key !== null && uploadId !== null) await removeObject(key, { uploadId });
      }
    }
  }

  return {
    async signUpload(key, { size, contentType, sha256 }, expiresAt) {
      const own = {
        'content-type': contentType,
        ...(checksums && sha256 !== null && { 'x-amz-checksum-sha256': toBase64(sha256) }),
      };
      // The length is signed, too, and not among the fields to send: whatever sends the body sets it, and browsers let no page do so.
      const url = await presign('PUT', key, { headers: { ...own, 'content-length': String(size) } }, expiresAt);
      return { method: 'PUT', url, headers: own, expiresAt };
    },

    signDownload: (key, { disposition, contentType }, expiresAt) =>
      presign(
        'GET',
        key,
        { query: { 'response-content-disposition': disposition, 'response-content-type': contentType } },
        expiresAt,
      ),

    async beginParts(key, contentType) {
      const headers = { 'content-type': contentType };
      const { text } = expect(await s3.ask('POST', checkKey(key), { query: { uploads: '' }, headers }), 200);
      const uploadId = element(text, 'UploadId');
      if (uploadId === null) throw unexpected('S3 began no upload.');
      return uploadId;
    },

    async signPart({ key, uploadId }, { number, size }, expiresAt) {
      const query = { partNumber: String(number), uploadId };
      const url = await presign('PUT', key, { query, headers: { 'content-length': String(size) } }, expiresAt);
      return { method: 'PUT', url, headers: {}, expiresAt };
    },

    listParts: partsOf,

    async joinParts({ key, uploadId }, _contentType, parts) {
      // S3 takes that for a malformed request.
      if (parts.length === 0) return false;
      const list = parts.map(
        ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${encode(etag)}</ETag></Part>`,
      );
      const body = `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`;
      const answer = await s3.ask('POST', checkKey(key), { query: { uploadId }, body });
      if (answer.code === 'NoSuchUpload' || answer.status === 404) return false;
      if (answer.code === 'InvalidPart' || answer.code === 'InvalidPartOrder') return false;
      if (answer.code !== null) throw unexpected(`S3 joined no parts: ${answer.code}`);
      expect(answer, 200);
      return true;
    },

    async find(key) {
      const headers: Record<string, string> = checksums ? { 'x-amz-checksum-mode': 'ENABLED' } : {};
      const answer = await s3.ask('HEAD', checkKey(key), { headers });
      if (answer.status === 404) return null;
      const { headers: fields } = expect(answer, 200);
      const checksum = fields.get('x-amz-checksum-sha256');
      return {
        size: Number(fields.get('content-length')),
        contentType: fields.get('content-type') ?? '',
        // Of an upload in parts it is the hash of hashes (`…-3`), which says nothing of the whole.
        sha256:
          checksum !== null && /^[\w+/]{43}=$/.test(checksum) ? Buffer.from(checksum, 'base64').toString('hex') : null,
        etag: fields.get('etag') ?? '',
      };
    },

    read: (key, range) =>
      s3.stream(checkKey(key), range === undefined ? {} : { range: `bytes=${range.start}-${range.end}` }),

    async put(key, bytes, contentType) {
      const headers = { 'content-type': contentType };
      expect(await s3.ask('PUT', checkKey(key), { headers, body: Uint8Array.from(bytes) }), 200);
    },

    async copy(from, to) {
      const source = `/${bucket}/${checkKey(from)}`;
      const answer = await s3.ask('PUT', checkKey(to), { headers: { 'x-amz-copy-source': source } });
      if (answer.status === 404) return false;
      if (answer.code !== null) throw unexpected(`S3 copied nothing: ${answer.code}`);
      expect(answer, 200);
      return true;
    },

    async remove(prefix, keep = null) {
      checkKey(prefix);
      await endUploads(prefix);
      if ((await versioning()) !== 'off') return removeVersions(prefix, keep);
      for await (const xml of objectPages(prefix)) {
        for (const entry of elements(xml, 'Contents')) {
          const key = element(entry, 'Key');
          if (key !== null && key !== keep) await removeObject(key);
        }
      }
    },

    async tidy() {},

    async bucket() {
      let [objects, bytes, isExact] = [0, 0, true];
      for await (const xml of objectPages('')) {
        const sizes = elements(xml, 'Contents').map((entry) => Number(element(entry, 'Size')));
        objects += sizes.length;
        bytes += sizes.reduce((sum, size) => sum + size, 0);
        if (objects < MOST_COUNTED || element(xml, 'IsTruncated') !== 'true') continue;
        isExact = false;
        break;
      }
      return { name: bucket, region, objects, bytes, isExact, versioning: await versioning() };
    },

    gate: null,
  };
}

function partOf(xml: string): StoredPart {
  return {
    number: Number(element(xml, 'PartNumber')),
    size: Number(element(xml, 'Size')),
    etag: element(xml, 'ETag') ?? '',
  };
}

function expect(answer: S3Answer, ...statuses: number[]): S3Answer {
  if (statuses.includes(answer.status)) return answer;
  throw unexpected(`S3 answered ${answer.status} ${answer.code ?? ''}`.trim());
}

/** Whatever is wrong with the service is none of the client's faults. */
function unexpected(message: string): Error {
  return platformErrors.unavailable({ cause: new Error(message), headers: { 'retry-after': '5' } });
}

const toBase64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
