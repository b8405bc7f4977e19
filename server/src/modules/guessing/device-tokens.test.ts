import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeId, NOW } from '../../../test/fixtures.ts';
import { after } from '../../platform/clock.ts';
import { createKeyring } from '../../platform/crypto/keyring.ts';
import { createDeviceTokens, DEVICE_TTL } from './device-tokens.ts';

const OLD = 'a secret of thirty-two bytes or more!';
const NEW = 'another secret of thirty-two bytes...';
const [ann, bob] = [person(), person()];

function person() {
  return { id: makeId(), passwordVersion: 1 };
}

function open({ current = OLD, previous = null as string | null } = {}) {
  const time = { now: NOW };
  return { time, tokens: createDeviceTokens({ keyring: createKeyring({ current, previous }), clock: () => time.now }) };
}

test('a device is known to the user who signed in there, and to nobody else', () => {
  const { tokens } = open();
  const mine = tokens.add('', ann);
  const device = tokens.read(mine, ann);
  assert.equal(device?.length, 22, '128 bits');
  assert.equal(tokens.read(mine, bob), null);
  assert.equal(tokens.read('', ann), null);
  assert.notEqual(tokens.read(tokens.add('', ann), ann), device, 'every device is another one');
  const bytes = Buffer.from(mine, 'base64url');
  assert.ok(!bytes.includes(ann.id) && !bytes.includes(ann.id.replaceAll('-', '')), 'it names nobody');
});

test('another password makes it a stranger', () => {
  const { tokens } = open();
  const mine = tokens.add('', ann);
  const since = { ...ann, passwordVersion: 2 };
  assert.equal(tokens.read(mine, since), null);
  assert.notEqual(tokens.read(tokens.add(mine, since), since), null);
});

test('somebody who changes their password again and again takes nobody else the room', () => {
  const { tokens } = open();
  const others = [person(), person(), person()];
  let kept = others.reduce((held, owner) => tokens.add(held, owner), '');
  for (let passwordVersion = 1; passwordVersion < 6; passwordVersion++) {
    kept = tokens.add(kept, { ...ann, passwordVersion });
    for (const owner of others) assert.notEqual(tokens.read(kept, owner), null, `password ${passwordVersion}`);
  }
});

test('no byte of it can be changed, and nothing can be added or left out', () => {
  const { tokens } = open();
  const mine = tokens.add('', ann);
  const bytes = Buffer.from(mine, 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [1, 128]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ bit;
      assert.equal(tokens.read(changed.toString('base64url'), ann), null, `byte ${at}`);
    }
    assert.equal(tokens.read(bytes.subarray(0, at).toString('base64url'), ann), null, `${at} bytes`);
  }
  const others = [
    `${mine}A`,
    `${mine}=`,
    ` ${mine}`,
    mine.slice(1),
    '....',
    '.'.repeat(512),
    'A'.repeat(54),
    '\0',
    'é',
  ];
  for (const text of others) assert.equal(tokens.read(text, ann), null, text);
  const stranger = open({ current: NEW }).tokens.add('', ann);
  assert.equal(tokens.read(stranger, ann), null, 'made with another key');
});

test('it lasts 180 days from the last sign-in, and stays the same device', () => {
  const { tokens, time } = open();
  const first = tokens.add('', ann);
  const device = tokens.read(first, ann);
  time.now = after(NOW, DEVICE_TTL - 1000);
  const renewed = tokens.add(first, ann);
  assert.equal(tokens.read(renewed, ann), device);
  time.now = after(NOW, DEVICE_TTL + 1000);
  assert.equal(tokens.read(first, ann), null);
  assert.equal(tokens.read(renewed, ann), device);
  assert.notEqual(tokens.read(tokens.add(first, ann), ann), device, 'one that ran out is not renewed');
});

test('four people share a device; who signed in longest ago makes room, and each stays once', () => {
  const { tokens } = open();
  const last = person();
  const people = [ann, bob, person(), person(), last];
  let held = '';
  for (const person of people.slice(0, 4)) held = tokens.add(held, person);
  for (const person of people.slice(0, 4)) assert.ok(tokens.read(held, person));
  held = tokens.add(held, ann);
  assert.equal(held.split('.').length, 4);
  held = tokens.add(held, last);
  assert.equal(held.split('.').length, 4);
  assert.equal(tokens.read(held, bob), null);
  for (const person of people.filter((somebody) => somebody !== bob)) assert.ok(tokens.read(held, person));
  assert.ok(held.length < 512, 'a cookie and a body may be so long');
});

test('with a new SECRET_KEY devices stay known, and their next token is made with it', () => {
  const before = open().tokens.add('', ann);
  const { tokens } = open({ current: NEW, previous: OLD });
  const device = tokens.read(before, ann);
  assert.ok(device);
  const renewed = tokens.add(before, ann);
  assert.equal(open({ current: NEW }).tokens.read(renewed, ann), device);
  assert.equal(open({ current: NEW }).tokens.read(before, ann), null);
});
