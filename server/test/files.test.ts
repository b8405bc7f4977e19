import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rmdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after as afterAll, describe, test } from 'node:test';
import { DAY, HOUR, MINUTE } from '../src/platform/clock.ts';
import { openTestApp } from './app.ts';
import { createClient, ok } from './client.ts';
import { testDatabases } from './databases.ts';
import { createWorld, type Member, member, newRole, type World } from './matrix/world.ts';
import { atOnce, refused, tally } from './scenario.ts';
import {
  curl,
  type FileScene,
  type SentBody,
  sha256,
  startRadosgw,
  type TestStorage,
  withFileScene,
} from './storages.ts';

const MIB = 1024 ** 2;
const radosgw = await startRadosgw();
afterAll(() => radosgw.end());
let buckets = 0;

interface File {
  id: string;
  userId: string;
  status: string;
  sha256: string | null;
  size: number;
}
interface Created {
  file: File;
  upload: { method: string; url: string; headers: Record<string, string>; expiresAt: string };
}
interface Parts {
  uploadId: string;
  partSize: number;
  parts: { number: number; size: number; arrived: boolean; etag: string | null; url: string | null }[];
  next: number | null;
}

/** A server on a storage that nobody else has written to, and its superadmin. */
async function withFiles(kind: 'folder' | 'bucket', run: (w: World & FileScene) => Promise<void>): Promise<void> {
  const storage: TestStorage = { name: kind, s3: null };
  if (kind === 'bucket' && 's3' in radosgw) {
    buckets += 1;
    storage.s3 = await radosgw.makeBucket(`files-${process.pid}-${buckets}`);
  }
  await withFileScene(storage, async (s) => run({ ...s, ...(await createWorld(s)) }));
}

function filesOf(w: World & FileScene, { token }: Pick<Member, 'token'>) {
  const send = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) =>
    w.client.send(method, path, { token, ...(body && { body }) });
  const describeText = (content: Buffer | string, more: object = {}) => ({
    filename: 'notes.txt',
    contentType: 'text/plain',
    size: Buffer.byteLength(content),
    ...more,
  });
  return {
    send,
    announce: async (content: Buffer | string, more: object = {}) =>
      ok<Created>(await send('POST', '/files', describeText(content, more)), 201),
    announceParts: async (content: Buffer, more: object = {}) =>
      ok<Parts & { file: File }>(await send('POST', '/files/multipart', describeText(content, more)), 201),
    async put({ upload: { url, headers } }: Created, content: Buffer | string) {
      return (await w.go(url, { method: 'PUT', headers, body: content as SentBody })).status;
    },
    complete: (id: string, body?: object) => send('POST', `/files/${id}/complete`, body),
  };
}

/** Sends all parts of a content that have not arrived. */
async function putParts(w: FileScene, content: Buffer, { parts, partSize }: Parts): Promise<void> {
  for (const { number, url } of parts) {
    if (url === null) continue;
    const bytes = content.subarray((number - 1) * partSize, number * partSize);
    assert.equal((await w.go(url, { method: 'PUT', body: bytes as SentBody })).status, 200);
  }
}

/** Delivers what is due, looks after files as the periodic job does, and delivers what follows from that. */
async function tend(w: World): Promise<void> {
  await w.work();
  await w.app.jobs.enqueue('files.tend', {});
  await w.work();
  await w.work();
}

const stored = async (w: FileScene) => (await w.objects.bucket()).objects;

/** That neither the storage nor the database has anything of any file. */
async function assertNothingLeft(w: World & FileScene): Promise<void> {
  assert.equal(await stored(w), 0, 'no object');
  assert.equal(await w.app.storage.files.count({ userId: null }, 99), 0, 'no file');
  w.time.forward(DAY);
  await tend(w);
  assert.deepEqual(await w.app.storage.files.due(new Date('2200-01-01'), 99), [], 'no tombstone');
  assert.equal(await stored(w), 0);
}

const told = async (w: World, id: string) =>
  (await w.app.storage.events.listForTarget(`file:${id}`)).map(({ type, data }) => [type, data.reason]);

for (const kind of ['folder', 'bucket'] as const) {
  const missing = kind === 'bucket' && 'missing' in radosgw ? radosgw.missing : false;
  describe(`files in a ${kind}`, { skip: missing }, () => {
    test('are announced, sent, completed, found, read and deleted', () =>
      withFiles(kind, async (w) => {
        const files = filesOf(w, await member(w));
        const content = randomBytes(50_000);
        const filename = 'Bericht “2026” 100%.txt';
        const created = await files.announce(content, { filename, sha256: sha256(content).toUpperCase() });
        assert.deepEqual([created.file.status, created.file.sha256], ['uploading', sha256(content)]);
        refused(await files.complete(created.file.id), 409, 'upload_incomplete');
        refused(await files.send('GET', `/files/${created.file.id}/download`), 409, 'upload_incomplete');
        assert.equal(await files.put(created, content), 200);
        const done = ok<File>(await files.complete(created.file.id), 200);
        assert.deepEqual([done.status, done.size, done.sha256], ['ready', 50_000, sha256(content)]);
        assert.deepEqual(ok<File>(await files.send('GET', `/files/${done.id}`), 200), done);
        const list = ok<{ items: File[]; total: number }>(await files.send('GET', '/files?status=ready'), 200);
        assert.deepEqual([list.items, list.total], [[done], 1]);

        const leads = await files.send('GET', `/files/${done.id}/download`);
        assert.equal(leads.statusCode, 302);
        assert.equal(leads.body, '');
        const url = String(leads.headers.location);
        const body = await curl('--dump-header', '-', w.addressOf(url));
        assert.deepEqual(body.subarray(-content.length), content);
        const head = body.subarray(0, -content.length).toString();
        assert.match(
          head,
          /content-disposition: attachment; filename="Bericht _2026_ 100_\.txt"; filename\*=UTF-8''Bericht%20%E2%80%9C2026%E2%80%9D%20100%25\.txt/i,
        );
        assert.match(head, /content-type: text\/plain/i);
        if (kind === 'folder') {
          assert.match(head, /x-content-type-options: nosniff/i);
          assert.match(head, /content-security-policy: sandbox; default-src 'none'; frame-ancestors 'none'/i);
        } else assert.ok(!url.startsWith('http://localhost:8000'), 'this server sends none of its bytes');
        const headers = { accept: 'application/json' };
        const options = { token: (await member(w)).token, headers };
        refused(await w.client.send('GET', `/files/${done.id}/download`, options), 404, 'file_not_found');

        await w.work();
        assert.equal(await stored(w), 1);
        assert.equal((await files.send('DELETE', `/files/${done.id}`)).statusCode, 204);
        refused(await files.send('GET', `/files/${done.id}`), 404, 'file_not_found');
        await w.work();
        assert.ok((await w.go(url)).status >= 400, 'a URL that was given out before reads nothing any more');
        const expected = [
          ['file.created', undefined],
          ['file.completed', undefined],
          ['file.deleted', 'owner'],
        ];
        assert.deepEqual(await told(w, done.id), expected);
        await assertNothingLeft(w);
      }));

    test('in parts are sent in any order, interrupted, continued and completed', () =>
      withFiles(kind, async (w) => {
        const files = filesOf(w, await member(w));
        const content = randomBytes(8 * MIB + 77);
        const begun = await files.announceParts(content, { sha256: sha256(content) });
        assert.deepEqual(
          begun.parts.map(({ number, size }) => [number, size]),
          [
            [1, 8 * MIB],
            [2, 77],
          ],
        );
        assert.deepEqual([begun.partSize, begun.next], [8 * MIB, null]);
        await putParts(w, content, { ...begun, parts: begun.parts.slice(1) });
        const problem = refused(await files.complete(begun.file.id), 409, 'upload_incomplete');
        assert.equal(problem.detail, '1 of 2 parts are missing.');
        const there = ok<Parts>(await files.send('GET', `/files/${begun.file.id}/parts`), 200);
        assert.deepEqual(
          there.parts.map(({ arrived, url }) => [arrived, url === null]),
          [
            [false, false],
            [true, true],
          ],
        );
        await putParts(w, content, there);
        const whole = ok<Parts>(await files.send('GET', `/files/${begun.file.id}/parts`), 200);
        const parts = whole.parts.map(({ number, etag }) => ({ number, etag }));
        const wrong = { parts: parts.map(({ number }) => ({ number, etag: 'x' })) };
        refused(await files.complete(begun.file.id, wrong), 409, 'upload_incomplete');
        const done = ok<File>(await files.complete(begun.file.id, { parts }), 200);
        assert.deepEqual([done.status, done.sha256], ['ready', sha256(content)]);
        refused(await files.send('GET', `/files/${done.id}/parts`), 404, 'upload_ended');
        assert.equal(await stored(w), 1);
        assert.equal((await files.send('DELETE', `/files/${done.id}`)).statusCode, 204);
        await w.work();
        await assertNothingLeft(w);
      }));

    test('in parts whose process was killed while, or after, it joined them are completed by the next call', () =>
      withFiles(kind, async (w) => {
        const files = filesOf(w, await member(w));
        const content = randomBytes(900);
        const [during, afterwards] = [await files.announceParts(content), await files.announceParts(content)];
        for (const begun of [during, afterwards]) await putParts(w, content, begun);
        const at = { key: `files/${afterwards.file.id}`, uploadId: afterwards.uploadId };
        const parts = (await w.objects.listParts(at)) ?? assert.fail();
        assert.equal(await w.objects.joinParts(at, 'text/plain', parts), true);
        if (kind === 'folder') {
          const { id } = during.file;
          const folder = join(w.config.dataDir, 'objects', 'files', id.slice(34), `${id}.${during.uploadId}.parts`);
          await rename(folder, `${folder}.joining`);
          const url = during.parts[0]?.url ?? assert.fail();
          assert.equal((await w.go(url, { method: 'PUT', body: content as SentBody })).status, 404);
        }
        for (const { file } of [during, afterwards]) {
          assert.equal(ok<File>(await files.complete(file.id), 200).status, 'ready');
          assert.equal((await files.send('DELETE', `/files/${file.id}`)).statusCode, 204);
        }
        await w.work();
        await assertNothingLeft(w);
      }));

    test('that are not what was announced are refused, and leave nothing', () =>
      withFiles(kind, async (w) => {
        const files = filesOf(w, await member(w));
        const page = '<script>alert(1)</script>';
        const picture = await files.announce(page, { contentType: 'image/png', filename: 'a.png' });
        assert.equal(await files.put(picture, page), 200);
        const refusal = refused(await files.complete(picture.file.id), 400, 'upload_refused');
        assert.equal(refusal.detail, 'It does not begin as files of its type do.');
        refused(await files.send('GET', `/files/${picture.file.id}`), 404, 'file_not_found');
        assert.deepEqual((await told(w, picture.file.id)).at(-1), ['file.deleted', 'refused']);

        const lied = await files.announce('wrong', { sha256: sha256('right') });
        // A folder, and newer services, refuse it when it is sent; others are found out.
        if ((await files.put(lied, 'wrong')) === 200) {
          refused(await files.complete(lied.file.id), 400, 'upload_refused');
        } else {
          refused(await files.complete(lied.file.id), 409, 'upload_incomplete');
          assert.equal((await files.send('DELETE', `/files/${lied.file.id}`)).statusCode, 204);
        }

        const content = randomBytes(1000);
        const begun = await files.announceParts(content, { sha256: sha256('something else') });
        await putParts(w, content, begun);
        const detail = refused(await files.complete(begun.file.id), 400, 'upload_refused').detail;
        assert.equal(detail, 'Its SHA-256 is another one.');
        await w.work();
        await assertNothingLeft(w);
      }));

    test('race: of 50 who complete a file in one piece, or in parts, one does; all get the same answer', () =>
      withFiles(kind, async (w) => {
        const files = filesOf(w, await member(w));
        const content = randomBytes(2000);
        const created = await files.announce(content);
        assert.equal(await files.put(created, content), 200);
        const begun = await files.announceParts(content);
        await putParts(w, content, begun);
        for (const { file } of [created, begun]) {
          const answers = await atOnce(50, () => files.complete(file.id));
          assert.deepEqual(tally(answers), { 200: 50 });
          assert.equal(new Set(answers.map(({ body }) => body)).size, 1);
          assert.deepEqual(
            (await told(w, file.id)).map(([type]) => type),
            ['file.created', 'file.completed'],
          );
        }
        await w.work();
        assert.equal(await stored(w), 2, 'nothing of the others is left');
      }));

    test('race: of those who complete, delete and send a file again, nobody leaves anything', () =>
      withFiles(kind, async (w) => {
        const files = filesOf(w, await member(w));
        for (let round = 0; round < 3; round++) {
          const content = randomBytes(500);
          const created = await files.announce(content);
          assert.equal(await files.put(created, content), 200);
          const answers = await atOnce(30, async (i) => {
            if (i % 3 === 0) await files.put(created, randomBytes(500));
            return i === 10 + round
              ? files.send('DELETE', `/files/${created.file.id}`)
              : files.complete(created.file.id);
          });
          const statuses = new Set(answers.map(({ statusCode }) => statusCode));
          for (const status of statuses) assert.ok([200, 204, 404, 409].includes(status), `${status}`);
          assert.ok(statuses.has(204));
          await w.work();
        }
        w.time.forward(HOUR);
        await tend(w);
        await assertNothingLeft(w);
      }));

    test('that are aborted, forgotten, or sent once more after their end leave nothing', () =>
      withFiles(kind, async (w) => {
        const files = filesOf(w, await member(w));
        const content = randomBytes(300);
        const [aborted, forgotten, done] = [
          await files.announce(content),
          await files.announce(content),
          await files.announce(content),
        ];
        const [abortedParts, forgottenParts] = [await files.announceParts(content), await files.announceParts(content)];
        for (const created of [aborted, forgotten, done]) assert.equal(await files.put(created, content), 200);
        for (const begun of [abortedParts, forgottenParts]) await putParts(w, content, begun);
        ok(await files.complete(done.file.id), 200);
        for (const { file } of [aborted, abortedParts]) {
          assert.equal((await files.send('DELETE', `/files/${file.id}`)).statusCode, 204);
        }
        await w.work();
        // As a process leaves it that is killed while it completes the file.
        await w.objects.put(`files/${done.file.id}-0a`, content, 'text/plain');
        // The URLs are still good: whatever they bring is removed when they have expired.
        for (const created of [aborted, done]) assert.equal(await files.put(created, content), 200);
        const url = abortedParts.parts[0]?.url ?? assert.fail();
        assert.ok((await w.go(url, { method: 'PUT', body: content as SentBody })).status >= 400);
        w.time.forward(15 * MINUTE);
        await tend(w);
        const kept = [forgotten.file.id, forgottenParts.file.id, done.file.id];
        const left = await w.app.storage.files.ofUser(done.file.userId, 9);
        assert.deepEqual(left.map(({ id }) => id).sort(), kept.sort());
        assert.equal(await stored(w), 2, 'what is done, and one that may still be completed');
        w.time.forward(DAY);
        await tend(w);
        assert.deepEqual((await told(w, forgotten.file.id)).at(-1), ['file.deleted', 'unfinished']);
        assert.equal(await stored(w), 1);
        assert.equal((await w.app.storage.files.ofUser(done.file.userId, 9)).length, 1);
      }));

    test('of a user go when the account is erased, whatever their state', () =>
      withFiles(kind, async (w) => {
        const person = await member(w);
        const files = filesOf(w, person);
        const content = randomBytes(300);
        const [done, sent] = [await files.announce(content), await files.announce(content)];
        const begun = await files.announceParts(content);
        for (const created of [done, sent]) assert.equal(await files.put(created, content), 200);
        await putParts(w, content, begun);
        ok(await files.complete(done.file.id), 200);
        const other = filesOf(w, w.superadmin);
        const kept = await other.announce(content);
        assert.equal(await other.put(kept, content), 200);
        ok(await other.complete(kept.file.id), 200);
        const remove = (query = '') =>
          w.client.send('DELETE', `/admin/users/${person.userId}${query}`, { token: w.root });
        assert.equal((await remove()).statusCode, 204);
        await w.work();
        assert.equal(
          (await w.app.storage.files.ofUser(person.userId, 9)).length,
          3,
          'a deleted account can be restored',
        );
        assert.equal((await remove('?erase=true')).statusCode, 204);
        await w.work();
        assert.deepEqual(await w.app.storage.files.ofUser(person.userId, 9), []);
        assert.equal(await stored(w), 1);
        const history = (
          await w.app.storage.events.list({ userId: person.userId }, { before: null, limit: 99 })
        ).filter(({ type }) => type.startsWith('file.'));
        assert.ok(history.length >= 4 && history.every(({ data }) => !('size' in data)), 'nothing is told of them');
        w.time.forward(DAY);
        await tend(w);
        assert.deepEqual(await w.app.storage.files.due(new Date('2200-01-01'), 9), []);
        assert.equal(await stored(w), 1);
      }));
  });
}

describe('files', () => {
  test('of somebody else are not found by any route; administrators see that they exist', () =>
    withFiles('folder', async (w) => {
      const owner = filesOf(w, await member(w));
      const { file } = await owner.announce('12345');
      const stranger = filesOf(w, await member(w));
      for (const [method, path] of [
        ['GET', ''],
        ['GET', '/parts'],
        ['POST', '/complete'],
        ['GET', '/download'],
        ['DELETE', ''],
      ] as const) {
        refused(await stranger.send(method, `/files/${file.id}${path}`), 404, 'file_not_found');
      }
      assert.deepEqual(ok<{ items: File[] }>(await stranger.send('GET', '/files'), 200).items, []);
      refused(await stranger.send('GET', '/admin/files'), 403, 'forbidden');
      refused(await stranger.send('GET', '/admin/storage/buckets'), 403, 'forbidden');
      const admin = filesOf(w, w.superadmin);
      const found = ok<{ items: File[] }>(await admin.send('GET', `/admin/files?userId=${file.userId}`), 200);
      assert.deepEqual(
        found.items.map(({ id }) => id),
        [file.id],
      );
      const none = await admin.send('GET', `/admin/files?userId=${w.superadmin.userId}&status=ready`);
      assert.deepEqual(ok<{ items: File[] }>(none, 200).items, []);
      for (const nobody of ['x', '%00', '']) {
        const answer = await admin.send('GET', `/admin/files?userId=${nobody}`);
        assert.deepEqual(ok<{ items: File[] }>(answer, 200).items, [], nobody);
      }
      refused(await admin.send('GET', `/files/${file.id}`), 404, 'file_not_found');
      const { items } = ok<{ items: object[] }>(await admin.send('GET', '/admin/storage/buckets'), 200);
      assert.deepEqual(items, [
        { name: 'objects', region: null, objects: 0, bytes: 0, isExact: true, versioning: 'off' },
      ]);
    }));

  test('that could run as a page are only bytes to browsers', () =>
    withFiles('folder', async (w) => {
      const files = filesOf(w, await member(w));
      for (const [contentType, served] of [
        ['text/html', 'application/octet-stream'],
        ['image/svg+xml', 'application/octet-stream'],
        ['text/javascript; charset=utf-8', 'application/octet-stream'],
        ['application/xhtml+xml', 'application/octet-stream'],
        ['text/plain; charset=utf-8', 'text/plain; charset=utf-8'],
      ] as const) {
        const created = await files.announce('<a/>', { contentType });
        assert.equal(await files.put(created, '<a/>'), 200);
        ok(await files.complete(created.file.id), 200);
        const leads = await files.send('GET', `/files/${created.file.id}/download`);
        const answer = await w.go(String(leads.headers.location));
        assert.equal(await answer.text(), '<a/>');
        assert.equal(answer.headers.get('content-type'), served);
        assert.equal(answer.headers.get('content-disposition')?.startsWith('attachment;'), true);
      }
    }));

  test('fit into the largest quota of the roles, also where 50 are announced at once', () =>
    withFiles('folder', async (w) => {
      const quota = async (fileQuota: object | null) => {
        const id = await newRole(w, {});
        ok(await w.client.send('PATCH', `/admin/roles/${id}`, { token: w.root, body: { fileQuota } }), 200);
        return id;
      };
      const [few, small, none] = [
        await quota({ bytes: 10, files: 10 }),
        await quota({ bytes: 1000, files: 3 }),
        await quota(null),
      ];
      const files = filesOf(w, await member(w, ['user', few, small, none]));
      const body = { filename: 'a', contentType: 'text/plain', size: 90 };
      const answers = await atOnce(50, () => files.send('POST', '/files', body));
      assert.deepEqual(tally(answers), { 201: 10, '409 quota_exceeded': 40 });
      const problem = refused(await files.send('POST', '/files/multipart', body), 409, 'quota_exceeded');
      assert.equal(problem.detail, 'You may store 1000 bytes in 10 files.');
      const [first] = ok<{ items: File[] }>(await files.send('GET', '/files'), 200).items;
      assert.equal((await files.send('DELETE', `/files/${first?.id}`)).statusCode, 204);
      await w.work();
      // Its URL may still be in use.
      refused(await files.send('POST', '/files', body), 409, 'quota_exceeded');
      w.time.forward(15 * MINUTE);
      await tend(w);
      const { token } = await w.client
        .login(await member(w, [small]))
        .then(({ accessToken }) => ({ token: accessToken }));
      const other = filesOf(w, { token });
      refused(await other.send('POST', '/files', { ...body, size: 1001 }), 409, 'quota_exceeded');
      ok(await other.send('POST', '/files', { ...body, size: 1000 }), 201);
      refused(await other.send('POST', '/files', { ...body, size: 1 }), 409, 'quota_exceeded');
    }));

  test('that two instances complete at the same time are completed once', () =>
    withFiles('folder', async (w) => {
      const there = await openTestApp({ databaseUrl: w.databaseUrl, dataDir: w.config.dataDir, time: w.time });
      try {
        const person = await member(w);
        const here = filesOf(w, person);
        const content = randomBytes(3000);
        const remote = createClient(there);
        for (const isWhole of [true, false]) {
          const begun = isWhole ? await here.announce(content) : await here.announceParts(content);
          if ('upload' in begun) assert.equal(await here.put(begun, content), 200);
          else await putParts(w, content, begun);
          const path = `/files/${begun.file.id}/complete`;
          const clients = [w.client, remote];
          const answers = await atOnce(30, (i) =>
            (clients[i % 2] ?? remote).send('POST', path, { token: person.token }),
          );
          const counts = tally(answers);
          const done = counts['200'] ?? 0;
          assert.ok(done > 0 && done + (counts['409 upload_incomplete'] ?? 0) === 30, JSON.stringify(counts));
          const types = (await told(w, begun.file.id)).map(([type]) => type);
          assert.deepEqual(types, ['file.created', 'file.completed']);
          ok(await here.complete(begun.file.id), 200);
        }
        await w.work();
        assert.equal(await stored(w), 2);
      } finally {
        await there.close();
      }
    }));

  test('of an erased account whose storage fails are removed as soon as it works again', () =>
    withFiles('folder', async (w) => {
      const person = await member(w);
      const files = filesOf(w, person);
      const created = await files.announce('12345');
      assert.equal(await files.put(created, '12345'), 200);
      ok(await files.complete(created.file.id), 200);
      await w.work();
      const { objectKey } = (await w.app.storage.files.find(created.file.id)) ?? assert.fail();
      // A folder in the place of an object: it cannot be unlinked.
      const name = objectKey?.split('/')[1] ?? '';
      const obstacle = join(w.config.dataDir, 'objects', 'files', name.slice(34, 36), `${name}0`);
      await mkdir(obstacle);
      const path = `/admin/users/${person.userId}?erase=true`;
      assert.equal((await w.client.send('DELETE', path, { token: w.root })).statusCode, 204);
      await w.work();
      assert.equal(
        (await w.app.storage.files.ofUser(person.userId, 9)).length,
        1,
        'its record is kept for the next try',
      );
      await rmdir(obstacle);
      w.time.forward(HOUR);
      await w.work();
      assert.deepEqual(await w.app.storage.files.ofUser(person.userId, 9), []);
      assert.equal(await stored(w), 0);
    }));

  test('wait for a storage that is away: nothing is lost, and nothing that could not begin is left', async (t) => {
    const away = {
      endpoint: 'http://127.0.0.1:1',
      region: 'us-east-1',
      bucket: 'away',
      accessKey: 'a',
      secretKey: 'b',
    };
    const s3 = {
      ...away,
      publicEndpoint: away.endpoint,
      sessionToken: null,
      addressing: 'path',
      checksums: true,
    } as const;
    await withFileScene({ name: 'away', s3 }, async (s) => {
      const w = { ...s, ...(await createWorld(s)) };
      const files = filesOf(w, await member(w));
      // A URL is signed without asking anybody.
      const { file } = await files.announce('12345');
      refused(await files.complete(file.id), 503, 'unavailable');
      const parted = { filename: 'a', contentType: 'text/plain', size: 5 };
      refused(await files.send('POST', '/files/multipart', parted), 503, 'unavailable');
      refused(await w.client.send('GET', '/admin/storage/buckets', { token: w.root }), 503, 'unavailable');
      const left = ok<{ items: File[] }>(await files.send('GET', '/files'), 200).items;
      assert.deepEqual(
        left.map(({ id, status }) => [id, status]),
        [[file.id, 'uploading']],
      );
      assert.equal((await w.app.http.inject('/ready')).statusCode, 200, 'people sign in all the same');
      t.diagnostic('503 while the storage does not answer');
    });
  });

  test('of which a killed process left halves are swept up after a day, and no sooner', () =>
    withFiles('folder', async (w) => {
      const folder = join(w.config.dataDir, 'objects', '.unfinished');
      await mkdir(folder, { recursive: true });
      for (const [name, age] of [
        ['old', DAY + MINUTE],
        ['young', DAY - MINUTE],
      ] as const) {
        await writeFile(join(folder, name), 'half of');
        const time = new Date(w.time.now.getTime() - age);
        await utimes(join(folder, name), time, time);
      }
      await tend(w);
      assert.deepEqual(await readdir(folder), ['young']);
      assert.equal(await stored(w), 0, 'no half is an object');
    }));

  test('are announced within bounds', () =>
    withFiles('folder', async (w) => {
      const { send } = filesOf(w, await member(w));
      const good = { filename: 'a.txt', contentType: 'text/plain', size: 1 };
      for (const bad of [
        { filename: '' },
        { filename: 'a\u202etxt.exe' },
        { filename: 'a\r\nSet-Cookie: x' },
        { filename: 'a'.repeat(256) },
        { contentType: 'text' },
        { contentType: 'text/plain\r\nx: y' },
        { contentType: 'text/plain; a=b; c=d' },
        { size: -1 },
        { size: 1.5 },
        { size: 1024 ** 3 + 1 },
        { sha256: 'abc' },
        { owner: 'me' },
      ]) {
        refused(await send('POST', '/files', { ...good, ...bad }), 400, 'validation_failed');
      }
      refused(await send('POST', '/files/multipart', { ...good, size: 0 }), 400, 'validation_failed');
      refused(await send('GET', '/files/none'), 404, 'file_not_found');
    }));
});

for (const { name, freshUrl } of testDatabases()) {
  test(`files are sent, completed by one of 50, and go with their account (${name})`, () =>
    withFileScene(
      { name: 'a folder', s3: null },
      async (s) => {
        const w = { ...s, ...(await createWorld(s)) };
        const person = await member(w);
        const files = filesOf(w, person);
        const created = await files.announce('12345');
        assert.equal(await files.put(created, '12345'), 200);
        assert.deepEqual(tally(await atOnce(50, () => files.complete(created.file.id))), { 200: 50 });
        await files.announceParts(Buffer.from('12345'));
        await w.work();
        assert.deepEqual(await told(w, created.file.id), [
          ['file.created', undefined],
          ['file.completed', undefined],
        ]);
        assert.equal(await stored(w), 1);
        const path = `/admin/users/${person.userId}?erase=true`;
        assert.equal((await w.client.send('DELETE', path, { token: w.root })).statusCode, 204);
        await w.work();
        await assertNothingLeft(w);
      },
      {},
      freshUrl,
    ));
}
