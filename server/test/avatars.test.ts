import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp, { type Sharp } from 'sharp';
import { after, DAY } from '../src/platform/clock.ts';
import { newId } from '../src/platform/ids.ts';
import { ok } from './client.ts';
import { makeEvent } from './fixtures.ts';
import { createWorld, type Member, member, type World } from './matrix/world.ts';
import { refused, withScene } from './scenario.ts';

interface User {
  id: string;
  avatarUrl: string | null;
}

/** A picture of which each corner has another colour. */
async function picture(width = 400, height = 200): Promise<Sharp> {
  const corner = (color: string) => sharp({ create: { width: 10, height: 10, channels: 3, background: color } }).png();
  const [red, green, blue, white] = await Promise.all(
    ['#f00', '#0f0', '#00f', '#fff'].map((color) =>
      corner(color)
        .resize(width / 2, height / 2)
        .toBuffer(),
    ),
  );
  return sharp({ create: { width, height, channels: 3, background: '#000' } }).composite([
    { input: red ?? '', left: 0, top: 0 },
    { input: green ?? '', left: width / 2, top: 0 },
    { input: blue ?? '', left: 0, top: height / 2 },
    { input: white ?? '', left: width / 2, top: height / 2 },
  ]);
}

const send = (w: World, { token }: Pick<Member, 'token'>, sent: Buffer, type = 'image/png') =>
  w.app.http.inject({
    method: 'PUT',
    url: '/api/v1/users/me/avatar',
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    payload: sent,
  });

const pathOf = (url: string | null) => (url ?? assert.fail('there is an avatar')).replace('http://localhost:8000', '');

async function shown(w: World, url: string | null, size?: number) {
  const answer = await w.app.http.inject(`${pathOf(url)}${size === undefined ? '' : `?size=${size}`}`);
  assert.equal(answer.statusCode, 200, answer.body);
  return { answer, image: sharp(answer.rawPayload) };
}

const me = async (w: World, { token }: Pick<Member, 'token'>) =>
  ok<User>(await w.client.send('GET', '/users/me', { token }), 200);
const stored = async (w: World) => (await w.app.objects.bucket()).objects;

const withPeople = (run: (w: World) => Promise<void>, env: Record<string, string> = {}) =>
  withScene(async (s) => run(await createWorld(s)), { env });

/** The colours at the four corners, each channel rounded to 0 or 1. */
async function corners(image: Sharp): Promise<string[]> {
  const { data, info } = await image.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) =>
    Array.from(data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3), (value) =>
      value > 127 ? 1 : 0,
    ).join('');
  const far = info.width - 3;
  return [at(2, 2), at(far, 2), at(2, far), at(far, far)];
}

test('an avatar of every format becomes WebP in two square sizes, without anything else of the file', () =>
  withPeople(async (w) => {
    const person = await member(w);
    const place = { IFD3: { GPSLatitude: '51/1 30/1 0/1', GPSLatitudeRef: 'N' }, IFD0: { Copyright: 'somebody' } };
    for (const [type, sent] of [
      ['image/png', await (await picture()).png().toBuffer()],
      ['image/jpeg', await (await picture()).jpeg().withExif(place).toBuffer()],
      ['image/webp', await (await picture()).webp().toBuffer()],
      ['image/gif', await (await picture()).gif().toBuffer()],
      ['image/avif', await (await picture()).avif().toBuffer()],
      // What it is called does not matter.
      ['application/x-www-form-urlencoded', await (await picture(64, 200)).png().toBuffer()],
    ] as const) {
      const { avatarUrl } = ok<User>(await send(w, person, sent, type), 200);
      for (const size of [undefined, 256, 64]) {
        const { answer, image } = await shown(w, avatarUrl, size);
        const found = await image.metadata();
        assert.deepEqual([found.format, found.width, found.height], ['webp', size ?? 256, size ?? 256], type);
        assert.deepEqual(
          [found.exif, found.icc, found.xmp, found.pages],
          [undefined, undefined, undefined, undefined],
          type,
        );
        assert.deepEqual(await corners(image), ['100', '010', '001', '111'], type);
        assert.equal(answer.headers['content-type'], 'image/webp');
        assert.equal(answer.headers['x-content-type-options'], 'nosniff');
        assert.equal(answer.headers['cross-origin-resource-policy'], 'cross-origin');
        assert.match(String(answer.headers['content-security-policy']), /^sandbox/);
        assert.equal(answer.headers['cache-control'], 'public, max-age=86400, immutable');
      }
    }
    await w.work();
    assert.equal(await stored(w), 2, 'the former ones are gone');
  }));

test('a picture is turned as the camera was held', () =>
  withPeople(async (w) => {
    const person = await member(w);
    const sent = await (await picture(200, 200)).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    const { avatarUrl } = ok<User>(await send(w, person, sent), 200);
    assert.deepEqual(await corners((await shown(w, avatarUrl)).image), ['001', '100', '111', '010']);
  }));

test('of an animation the first picture stays', () =>
  withPeople(async (w) => {
    const frame = (background: string) =>
      sharp({ create: { width: 80, height: 80, channels: 3, background } })
        .png()
        .toBuffer();
    const frames = [await frame('#f00'), await frame('#0f0'), await frame('#00f')];
    const animation = await sharp(frames, { join: { animated: true } })
      .gif({ loop: 0 })
      .toBuffer();
    assert.equal((await sharp(animation).metadata()).pages, 3);
    const { avatarUrl } = ok<User>(await send(w, await member(w), animation, 'image/gif'), 200);
    const { image } = await shown(w, avatarUrl);
    assert.equal((await image.metadata()).pages, undefined);
    assert.deepEqual(await corners(image), ['100', '100', '100', '100']);
  }));

test('what is no picture, could be more than one, or is made to be too large is refused, and changes nothing', () =>
  withPeople(async (w) => {
    const person = await member(w);
    const good = await (await picture()).png().toBuffer();
    const { avatarUrl } = ok<User>(await send(w, person, good), 200);
    await w.work();
    const bomb = await sharp({ create: { width: 8000, height: 6000, channels: 3, background: '#123' } })
      .png()
      .toBuffer();
    assert.ok(bomb.length < 1_000_000, 'few bytes, many pixels');
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>';
    for (const [what, sent, type] of [
      ['SVG', Buffer.from(svg), 'image/svg+xml'],
      ['SVG that is called PNG', Buffer.from(`<?xml version="1.0"?>${svg}`), 'image/png'],
      ['TIFF', await (await picture()).tiff().toBuffer(), 'image/tiff'],
      ['a PDF', Buffer.from('%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF'), 'image/png'],
      ['a page', Buffer.from('<html></html>'), 'image/png'],
      ['a picture that ends too early', good.subarray(0, good.length / 2), 'image/png'],
      ['a bomb', bomb, 'image/png'],
      ['one sign', Buffer.from('x'), 'image/png'],
    ] as const) {
      refused(await send(w, person, Buffer.from(sent), type), 400, 'avatar_invalid');
      assert.equal((await me(w, person)).avatarUrl, avatarUrl, what);
    }
    refused(await send(w, person, Buffer.alloc(0)), 400, 'avatar_invalid');
    const headers = {
      authorization: `Bearer ${person.token}`,
      'content-type': 'image/png',
      'transfer-encoding': 'chunked',
    };
    const empty = await w.app.http.inject({ method: 'PUT', url: '/api/v1/users/me/avatar', headers });
    refused(empty, 400, 'avatar_invalid');
    refused(await send(w, person, Buffer.alloc(5 * 1024 ** 2 + 1)), 413, 'body_too_large');
    assert.equal(await stored(w), 2);
  }));

test('an avatar is seen at once wherever its user is shown, and is gone when it is taken away', () =>
  withPeople(
    async (w) => {
      const person = await member(w);
      const profile = async () =>
        ok<User>(await w.client.send('GET', `/users/by-name/${person.username}`), 200).avatarUrl;
      await w.client.send('PATCH', '/users/me', { token: person.token, body: { profilePublic: true } });
      assert.deepEqual([(await me(w, person)).avatarUrl, await profile()], [null, null]);
      const sent = await (await picture()).png().toBuffer();
      const first = ok<User>(await send(w, person, sent), 200).avatarUrl;
      assert.match(String(first), /^https:\/\/auth\.example\.com\/base\/api\/v1\/avatars\/[0-9a-f-]{36}$/);
      const seen = async () => {
        const admin = await w.client.send('GET', `/admin/users/${person.userId}`, { token: w.root });
        const login = await w.client.login(person);
        return [(await me(w, person)).avatarUrl, await profile(), ok<User>(admin, 200).avatarUrl, login.user.avatarUrl];
      };
      assert.deepEqual(await seen(), [first, first, first, first]);
      const second = ok<User>(await send(w, person, sent), 200).avatarUrl;
      assert.notEqual(second, first);
      assert.deepEqual(await seen(), [second, second, second, second]);
      const token = { token: person.token };
      assert.equal(ok<User>(await w.client.send('DELETE', '/users/me/avatar', token), 200).avatarUrl, null);
      assert.deepEqual(await seen(), [null, null, null, null]);
      await w.work();
      assert.equal(await stored(w), 0);
      const path = String(second).replace('https://auth.example.com/base', '');
      refused(await w.app.http.inject(path), 404, 'not_found');
    },
    { PUBLIC_URL: 'https://auth.example.com/base' },
  ));

test('an avatar goes with the erasure of its account', () =>
  withPeople(async (w) => {
    const person = await member(w);
    ok<User>(await send(w, person, await (await picture()).png().toBuffer()), 200);
    await w.work();
    assert.equal(await stored(w), 2);
    const path = `/admin/users/${person.userId}?erase=true`;
    assert.equal((await w.client.send('DELETE', path, { token: w.root })).statusCode, 204);
    await w.work();
    assert.equal(await stored(w), 0);
    assert.deepEqual(await w.app.storage.files.due(new Date('2200-01-01'), 9), []);
  }));

test('of an avatar whose process was killed, what its user got stays, and what the user never got goes', () =>
  withPeople(async (w) => {
    const { files, users } = w.app.storage;
    const [lucky, unlucky] = [await member(w), await member(w)];
    const event = (target: string) => makeEvent(target, { type: 'test.begun', pending: false, evicts: false });
    for (const { userId } of [lucky, unlucky]) {
      const id = newId(w.time.now);
      const now = w.time.now;
      // As it is once the pictures are stored, and before it is noted as done.
      const empty = { filename: '', sha256: null, uploadId: null, partSize: null, objectKey: null };
      const times = { tendAt: after(now, DAY), createdAt: now, updatedAt: now };
      const kind = { purpose: 'avatar', contentType: 'image/webp', status: 'uploading' } as const;
      await files.insert({ id, userId, size: 9, ...kind, ...empty, ...times, version: 1 }, event(`file:${id}`));
      for (const size of [256, 64]) await w.app.objects.put(`avatars/${id}-${size}`, Buffer.from('RIFF'), 'image/webp');
      if (userId === unlucky.userId) continue;
      const { version } = (await users.find(userId)) ?? assert.fail();
      assert.equal(await users.setAvatar({ id: userId, version, now }, id, event(`user:${userId}`)), 'ok');
    }
    w.time.forward(DAY);
    await w.app.jobs.enqueue('files.tend', {});
    await w.work();
    await w.work();
    assert.equal(await stored(w), 2);
    const user = await users.find(lucky.userId);
    const file = await files.find(user?.avatarId ?? '');
    assert.deepEqual([file?.status, file?.tendAt], ['ready', null]);
    assert.deepEqual(await files.ofUser(unlucky.userId, 9), []);
  }));
