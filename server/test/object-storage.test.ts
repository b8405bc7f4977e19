import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after as afterAll, describe, test } from 'node:test';
import { after, HOUR, MINUTE } from '../src/platform/clock.ts';
import type { ObjectStorage, SignedRequest, StoredPart } from '../src/platform/objects/objects.ts';
import { createS3Objects } from '../src/platform/objects/s3.ts';
import { ok } from './client.ts';
import { makeId } from './fixtures.ts';
import { ostiary, serverEnv, withServers } from './kill/server-process.ts';
import { createWorld } from './matrix/world.ts';
import {
  curl,
  type FileScene,
  type SentBody,
  s3cmd,
  s3Env,
  sha256,
  startRadosgw,
  type TestStorage,
  withFileScene,
} from './storages.ts';

const MIB = 1024 ** 2;
const radosgw = await startRadosgw();
afterAll(() => radosgw.end());

/** The folder, and the bucket where there is one: the run says where there is none. */
const STORAGES: TestStorage[] = [{ name: 'a folder', s3: null }];
if ('s3' in radosgw) STORAGES.push({ name: 'a bucket', s3: radosgw.s3 });

const soon = (s: FileScene) => after(s.time.now, 10 * MINUTE);
const put = (s: FileScene, { url, headers }: SignedRequest, body: Buffer | string) =>
  s.go(url, { method: 'PUT', headers, body: body as SentBody });
const newKey = (area = 'files') => `${area}/${makeId()}`;
const TEXT = { contentType: 'text/plain', sha256: null };

async function bytesAt(objects: ObjectStorage, key: string, range?: { start: number; end: number }) {
  const chunks = await objects.read(key, range);
  return chunks === null ? null : Buffer.concat(await Array.fromAsync(chunks));
}

/** Whatever follows from a URL by one small change of what it says. */
function tamperings(url: string): [what: string, url: string][] {
  const found: [string, string][] = [];
  const { searchParams } = new URL(url);
  const change = (what: string, edit: (changed: URL) => void) => {
    const changed = new URL(url);
    edit(changed);
    found.push([what, changed.href]);
  };
  for (const [name, value] of searchParams) {
    change(`${name} without its last sign`, ({ searchParams: all }) => all.set(name, value.slice(0, -1)));
    change(`${name} with one more sign`, ({ searchParams: all }) => all.set(name, `${value}1`));
    change(`${name} with another first sign`, ({ searchParams: all }) =>
      all.set(name, (value.startsWith('9') ? '8' : '9') + value.slice(1)),
    );
    change(`without ${name}`, ({ searchParams: all }) => all.delete(name));
    change(`${name} twice`, ({ searchParams: all }) => all.append(name, `${value}x`));
  }
  change('one parameter more', ({ searchParams: all }) => all.append('partNumber', '7'));
  change('the key of another', (changed) => {
    changed.pathname = changed.pathname.replace(/[0-9a-f]{12}$/, '000000000001');
  });
  change('another area', (changed) => {
    changed.pathname = changed.pathname.replace(/files|uploads/, 'avatars');
  });
  return found;
}

for (const storage of STORAGES) {
  describe(`objects in ${storage.name}`, () => {
    test('are put and read by signed URLs, also with nothing but curl, and keep their bytes', () =>
      withFileScene(storage, async (s) => {
        for (const content of [randomBytes(300_000), Buffer.alloc(0), Buffer.from('Grüße 李 😀\r\n')]) {
          const key = newKey();
          const terms = { size: content.length, contentType: 'text/plain; charset=utf-8', sha256: sha256(content) };
          const signed = await s.objects.signUpload(key, terms, soon(s));
          assert.equal(await s.objects.find(key), null);
          const fields = Object.entries(signed.headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
          const code = await withFile(content, (file) =>
            curl('--write-out', '%{http_code}', '--upload-file', file, ...fields, s.addressOf(signed.url)),
          );
          assert.equal(code.toString(), '200');
          const stored = (await s.objects.find(key)) ?? assert.fail('it was stored');
          assert.deepEqual([stored.size, stored.contentType], [content.length, terms.contentType]);
          if (stored.sha256 !== null) assert.equal(stored.sha256, terms.sha256);
          assert.deepEqual(await bytesAt(s.objects, key), content);
          const disposition = `attachment; filename="a_b.txt"; filename*=UTF-8''a%20b.txt`;
          const url = await s.objects.signDownload(
            key,
            { disposition, contentType: 'application/octet-stream' },
            soon(s),
          );
          assert.deepEqual(await curl(s.addressOf(url)), content);
          const answer = await s.go(url);
          await answer.arrayBuffer();
          assert.equal(answer.headers.get('content-disposition'), disposition);
          assert.equal(answer.headers.get('content-type'), 'application/octet-stream');
        }
      }));

    test('parts of an object are read alone', () =>
      withFileScene(storage, async (s) => {
        const key = newKey();
        await s.objects.put(key, Buffer.from('0123456789'), 'text/plain');
        const url = await s.objects.signDownload(
          key,
          { disposition: 'attachment', contentType: 'text/plain' },
          soon(s),
        );
        for (const [range, expected, field] of [
          ['bytes=2-4', '234', 'bytes 2-4/10'],
          ['bytes=7-', '789', 'bytes 7-9/10'],
          ['bytes=-3', '789', 'bytes 7-9/10'],
          ['bytes=8-99', '89', 'bytes 8-9/10'],
        ] as const) {
          const answer = await s.go(url, { headers: { range } });
          assert.deepEqual(
            [answer.status, await answer.text(), answer.headers.get('content-range')],
            [206, expected, field],
          );
        }
        assert.equal((await bytesAt(s.objects, key, { start: 3, end: 5 }))?.toString(), '345');
        assert.equal(await bytesAt(s.objects, newKey()), null);
      }));

    test('a body of another size or type is refused, and nothing of it is there', () =>
      withFileScene(storage, async (s) => {
        const key = newKey();
        const signed = await s.objects.signUpload(key, { ...TEXT, size: 5 }, soon(s));
        for (const body of ['1234', '123456', '']) assert.ok((await put(s, signed, body)).status >= 400, body);
        const html = { ...signed, headers: { 'content-type': 'text/html' } };
        assert.ok((await put(s, html, '12345')).status >= 400);
        assert.equal(await s.objects.find(key), null);
        const chunked = new ReadableStream({
          start(controller) {
            for (const part of ['123', '456']) controller.enqueue(Buffer.from(part));
            controller.close();
          },
        });
        const streamed = { method: 'PUT', headers: signed.headers, body: chunked, duplex: 'half' } as RequestInit;
        assert.ok((await s.go(signed.url, streamed)).status >= 400);
        assert.equal(await s.objects.find(key), null);
        assert.equal((await put(s, signed, '12345')).status, 200);
      }));

    test('content with another SHA-256 is refused, or the storage does not claim to know it', () =>
      withFileScene(storage, async (s) => {
        const key = newKey();
        const signed = await s.objects.signUpload(key, { ...TEXT, size: 5, sha256: sha256('right') }, soon(s));
        const { status } = await put(s, signed, 'wrong');
        const stored = await s.objects.find(key);
        if (status >= 400) assert.equal(stored, null);
        else assert.ok(stored && (stored.sha256 === null || stored.sha256 === sha256('wrong')));
        if (storage.s3 === null) assert.equal(status, 400);
      }));

    test('a URL is good for nothing else: no parameter, method or object can be changed', () =>
      withFileScene(storage, async (s) => {
        const [key, other] = [newKey('uploads'), newKey('uploads').replace(/[0-9a-f]{12}$/, '000000000001')];
        const secret = Buffer.from('what another has');
        await s.objects.put(other, secret, 'text/plain');
        await s.objects.put(other.replace('uploads', 'avatars'), secret, 'text/plain');
        await s.objects.put(key, Buffer.from('mine!'), 'text/plain');
        const upload = await s.objects.signUpload(key, { ...TEXT, size: 5, sha256: sha256('mine!') }, soon(s));
        const download = await s.objects.signDownload(
          key,
          { disposition: 'attachment', contentType: 'text/plain' },
          soon(s),
        );
        const uploadId = await s.objects.beginParts(key, 'text/plain');
        const part = await s.objects.signPart({ key, uploadId }, { number: 1, size: 5 }, soon(s));
        let tried = 0;
        for (const [method, signed, headers] of [
          ['PUT', upload.url, upload.headers],
          ['PUT', part.url, {}],
          ['GET', download, {}],
        ] as const) {
          const body = method === 'PUT' ? 'mine!' : null;
          for (const [what, url] of tamperings(signed)) {
            const { status } = await s.go(url, { method, headers, body });
            assert.ok(status >= 400, `${method} ${what}: ${status}`);
            tried += 1;
          }
          for (const another of ['GET', 'PUT', 'HEAD', 'POST', 'DELETE', 'PATCH'].filter((name) => name !== method)) {
            const withBody = another !== 'GET' && another !== 'HEAD';
            const { status } = await s.go(signed, { method: another, headers, body: withBody ? 'mine!' : null });
            assert.ok(status >= 400, `${another} of a URL for ${method}: ${status}`);
            tried += 1;
          }
          const { status } = await s.go(signed, { method, headers, body });
          assert.equal(status, 200, 'as it was signed, it is good');
        }
        assert.ok(tried > 60, `${tried} were tried`);
        assert.deepEqual(await bytesAt(s.objects, other), secret);
        assert.deepEqual(await bytesAt(s.objects, key), Buffer.from('mine!'));
      }));

    test('URLs expire', () =>
      withFileScene(storage, async (s) => {
        const key = newKey();
        // A bucket has a clock of its own: there the URLs were made an hour ago.
        if (storage.s3 !== null) {
          const objects = createS3Objects({ ...storage.s3, clock: () => after(s.time.now, -HOUR) });
          const expired = after(s.time.now, -HOUR + MINUTE);
          const signed = await objects.signUpload(key, { ...TEXT, size: 5 }, expired);
          assert.equal((await put(s, signed, '12345')).status, 403);
          await s.objects.put(key, Buffer.from('12345'), 'text/plain');
          const url = await objects.signDownload(
            key,
            { disposition: 'attachment', contentType: 'text/plain' },
            expired,
          );
          assert.equal((await s.go(url)).status, 403);
          return;
        }
        const signed = await s.objects.signUpload(key, { ...TEXT, size: 5 }, soon(s));
        s.time.forward(10 * MINUTE - 1000);
        assert.equal((await put(s, signed, '12345')).status, 200);
        s.time.forward(1000);
        assert.equal((await put(s, signed, '12345')).status, 403);
      }));

    test('parts are sent in any order, listed, and joined once; afterwards nothing is taken', () =>
      withFileScene(storage, async (s) => {
        const content = randomBytes(5 * MIB + 1234);
        const key = newKey();
        const uploadId = await s.objects.beginParts(key, 'video/mp4');
        const at = { key, uploadId };
        const sizes = [5 * MIB, 1234];
        const urls = await Promise.all(
          sizes.map((size, i) => s.objects.signPart(at, { number: i + 1, size }, soon(s))),
        );
        assert.deepEqual(await s.objects.listParts(at), []);
        for (const number of [2, 1]) {
          const bytes = content.subarray((number - 1) * 5 * MIB, number === 1 ? 5 * MIB : undefined);
          const url = urls[number - 1] ?? assert.fail();
          assert.ok((await put(s, url, bytes.subarray(1))).status >= 400, 'a part of another size');
          assert.equal((await put(s, url, bytes)).status, 200);
        }
        const parts = (await s.objects.listParts(at)) ?? assert.fail();
        assert.deepEqual(
          parts.map(({ number, size }) => [number, size]),
          [
            [1, 5 * MIB],
            [2, 1234],
          ],
        );
        const wrong: StoredPart[] = parts.map((part) => ({ ...part, etag: parts[0]?.etag ?? '' }));
        assert.equal(await s.objects.joinParts(at, 'video/mp4', wrong), false);
        assert.equal(await s.objects.find(key), null);
        assert.equal(await s.objects.joinParts(at, 'video/mp4', parts), true);
        const stored = (await s.objects.find(key)) ?? assert.fail();
        assert.deepEqual([stored.size, stored.contentType], [content.length, 'video/mp4']);
        assert.equal(sha256((await bytesAt(s.objects, key)) ?? ''), sha256(content));
        if (stored.sha256 !== null) assert.equal(stored.sha256, sha256(content));
        assert.equal(await s.objects.listParts(at), null);
        assert.ok((await put(s, urls[1] ?? assert.fail(), content.subarray(5 * MIB))).status >= 400);
        await s.objects.joinParts(at, 'video/mp4', parts);
        assert.equal(sha256((await bytesAt(s.objects, key)) ?? ''), sha256(content));
      }));

    test('an upload that is removed is gone with its parts, and takes no more', () =>
      withFileScene(storage, async (s) => {
        const [key, neighbour] = [newKey(), newKey()];
        const at = { key, uploadId: await s.objects.beginParts(key, 'text/plain') };
        const kept = { key: neighbour, uploadId: await s.objects.beginParts(neighbour, 'text/plain') };
        const signed = await s.objects.signPart(at, { number: 1, size: 5 }, soon(s));
        assert.equal((await put(s, signed, '12345')).status, 200);
        await s.objects.remove(key);
        await s.objects.remove(key);
        assert.equal(await s.objects.listParts(at), null);
        assert.ok((await put(s, signed, '12345')).status >= 400);
        assert.equal(await s.objects.joinParts(at, 'text/plain', []), false);
        assert.deepEqual(await s.objects.listParts(kept), []);
        await s.objects.remove(neighbour);
      }));

    test('a copy is made of what is there, and stays as it was', () =>
      withFileScene(storage, async (s) => {
        const [from, to] = [newKey('uploads'), newKey()];
        assert.equal(await s.objects.copy(from, to), false);
        assert.equal(await s.objects.find(to), null);
        for (const text of ['one', 'two']) {
          await s.objects.put(from, Buffer.from(text), 'text/plain');
          assert.equal(await s.objects.copy(from, to), true);
        }
        await s.objects.put(from, Buffer.from('three'), 'text/plain');
        await s.objects.remove(from);
        assert.equal((await bytesAt(s.objects, to))?.toString(), 'two');
        assert.equal((await s.objects.find(to))?.contentType, 'text/plain');
      }));

    test('a removal takes all that begins with the key, and nothing else; the bucket tells what is left', () =>
      withFileScene(storage, async (s) => {
        const [key, other] = [newKey(), newKey()];
        const before = await s.objects.bucket();
        for (const name of [key, `${key}-0a`, `${key}-64`, other]) {
          await s.objects.put(name, Buffer.from('12345'), 'text/plain');
        }
        const full = await s.objects.bucket();
        assert.deepEqual([full.objects, full.bytes, full.isExact], [before.objects + 4, before.bytes + 20, true]);
        assert.deepEqual([full.region, full.versioning], [storage.s3 && 'us-east-1', 'off']);
        await s.objects.remove(key, `${key}-64`);
        assert.equal((await bytesAt(s.objects, `${key}-64`))?.toString(), '12345');
        assert.equal((await s.objects.bucket()).objects, before.objects + 2);
        await s.objects.remove(key);
        await s.objects.remove(key);
        assert.equal((await s.objects.bucket()).objects, before.objects + 1);
        assert.equal((await bytesAt(s.objects, other))?.toString(), '12345');
      }));

    test('no key leads out of it', () =>
      withFileScene(storage, async (s) => {
        const id = makeId();
        for (const key of [
          '',
          'files',
          `files/../${id}`,
          `../${id}`,
          `files/${id}/..`,
          `files/${id}-../x`,
          `files/${id}%2f..`,
          `Files/${id}`,
        ]) {
          const terms = { ...TEXT, size: 1 };
          await assert.rejects(async () => s.objects.find(key), TypeError, key);
          await assert.rejects(async () => s.objects.remove(key), TypeError, key);
          await assert.rejects(async () => s.objects.put(key, Buffer.from('x'), 'text/plain'), TypeError, key);
          await assert.rejects(async () => s.objects.signUpload(key, terms, soon(s)), TypeError, key);
          await assert.rejects(async () => s.objects.beginParts(key, 'text/plain'), TypeError, key);
        }
        const at = { key: `files/${id}`, uploadId: '../../x' };
        assert.equal(await s.objects.listParts(at), null);
        assert.equal(await s.objects.joinParts(at, 'text/plain', []), false);
      }));
  });
}

describe('a bucket', { skip: 'missing' in radosgw && radosgw.missing }, () => {
  if (!('s3' in radosgw)) return;
  const storage = { name: 'a bucket', s3: radosgw.s3 };

  test('holds what other clients of S3 read, and a removed upload leaves them nothing', () =>
    withFileScene(storage, async (s) => {
      const key = newKey();
      await s.objects.put(key, Buffer.from('for everybody'), 'text/plain');
      const url = `s3://${storage.s3.bucket}/${key}`;
      assert.equal(await s3cmd(storage.s3, 'get', '--quiet', url, '-'), 'for everybody');
      assert.match(await s3cmd(storage.s3, 'info', url), /MIME type: text\/plain/);
      await s.objects.beginParts(key, 'text/plain');
      const uploads = () => s3cmd(storage.s3, 'multipart', `s3://${storage.s3.bucket}`);
      assert.ok((await uploads()).includes(key));
      await s.objects.remove(key);
      assert.ok(!(await uploads()).includes(key));
      await assert.rejects(s3cmd(storage.s3, 'info', url), /404/);
    }));

  test('with versions loses all of them', async () => {
    const s3 = await radosgw.makeBucket('with-versions', { versioned: true });
    await withFileScene({ name: 'versions', s3 }, async (s) => {
      const key = newKey();
      for (const text of ['one', 'two', 'three']) await s.objects.put(key, Buffer.from(text), 'text/plain');
      assert.equal((await s.objects.bucket()).versioning, 'enabled');
      await s.objects.remove(key);
      assert.equal(await s.objects.find(key), null);
      const { AwsClient } = await import('aws4fetch');
      const client = new AwsClient({
        accessKeyId: s3.accessKey,
        secretAccessKey: s3.secretKey,
        service: 's3',
        region: 'us-east-1',
      });
      const listed = await (await client.fetch(`${s3.endpoint}/${s3.bucket}?versions`)).text();
      assert.doesNotMatch(listed, /<(?:Version|DeleteMarker)>/);
    });
  });

  test('by the name of its host, and behind another name for clients', async () => {
    const { endpoint } = storage.s3;
    const { port } = new URL(endpoint);
    const now = new Date();
    const publicEndpoint = `http://localhost:${port}`;
    const objects = createS3Objects({ ...storage.s3, publicEndpoint, addressing: 'host', clock: () => now });
    const signed = await objects.signUpload(newKey(), { ...TEXT, size: 5 }, after(now, MINUTE));
    assert.ok(signed.url.startsWith(`http://${storage.s3.bucket}.localhost:${port}/files/`));
    const there = ['--resolve', `${storage.s3.bucket}.localhost:${port}:127.0.0.1`];
    const body = ['--request', 'PUT', '--data-binary', '12345', '--header', 'content-type: text/plain'];
    const code = await curl(...there, ...body, '--write-out', '%{http_code}', signed.url);
    assert.equal(code.toString(), '200');
  });

  test('of a service without checksums: nothing names them, and a file that lies is found out all the same', () =>
    withFileScene(
      storage,
      async (s) => {
        const w = { ...s, ...(await createWorld(s)) };
        const send = (path: string, body?: object) =>
          w.client.send('POST', path, { token: w.root, ...(body && { body }) });
        for (const [promised, status] of [
          [sha256('12345'), 200],
          [sha256('54321'), 400],
        ] as const) {
          const body = { filename: 'a', contentType: 'text/plain', size: 5, sha256: promised };
          const { file, upload } = ok<{ file: { id: string }; upload: SignedRequest }>(await send('/files', body), 201);
          assert.deepEqual(Object.keys(upload.headers), ['content-type']);
          assert.doesNotMatch(upload.url, /checksum/i);
          assert.equal((await put(s, upload, '12345')).status, 200);
          assert.equal((await send(`/files/${file.id}/complete`)).statusCode, status);
        }
      },
      { S3_CHECKSUMS: 'off' },
    ));

  test('with a session token: it is signed into the URLs', async () => {
    const now = new Date();
    const objects = createS3Objects({ ...storage.s3, sessionToken: 'a token of a day', clock: () => now });
    const { url } = await objects.signUpload(newKey(), { ...TEXT, size: 5 }, after(now, MINUTE));
    assert.equal(new URL(url).searchParams.get('X-Amz-Security-Token'), 'a token of a day');
  });

  test('is tried by the doctor, which writes nothing and tells no key', () =>
    withServers(async (dir) => {
      const ask = async (more: Record<string, string>) => {
        const env = serverEnv(dir, `sqlite:${dir}/new.sqlite`, { ...s3Env(storage.s3), ...more });
        const { code, stdout, stderr } = await ostiary(['doctor'], { env, dir });
        return { code, text: stdout + stderr };
      };
      const [good, wrong] = await Promise.all([ask({}), ask({ S3_SECRET_KEY: 'another-key' })]);
      assert.match(good.text, /^ok +storage +files are in the bucket ostiary-files$/m);
      assert.equal(good.code, 0, good.text);
      assert.match(wrong.text, /^wrong +storage +the bucket of S3_BUCKET cannot be used: .*SignatureDoesNotMatch/m);
      assert.equal(wrong.code, 1);
      assert.doesNotMatch(wrong.text, /another-key/);
    }));

  test('that is away or refuses this server is unavailable, with the reason in the log and none in the answer', async () => {
    const clock = () => new Date();
    for (const [fields, cause] of [
      [{ secretKey: 'wrong' }, /403 SignatureDoesNotMatch/],
      [{ accessKey: 'nobody' }, /403 InvalidAccessKeyId/],
      [{ bucket: 'no-such-bucket' }, /404 NoSuchBucket/],
      [{ endpoint: 'http://127.0.0.1:1' }, /fetch failed/],
    ] as const) {
      const objects = createS3Objects({ ...storage.s3, ...fields, clock });
      await assert.rejects(objects.bucket(), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'unavailable');
        assert.match(String((error.cause as Error).message), cause);
        return true;
      });
    }
  });
});

async function withFile<T>(content: Buffer, work: (path: string) => Promise<T>): Promise<T> {
  const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const { join } = await import('node:path');
  const folder = await mkdtemp(join(tmpdir(), 'ostiary-upload-'));
  try {
    await writeFile(join(folder, 'content'), content);
    return await work(join(folder, 'content'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
