import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalUsername } from './canonical-username.ts';
import { createReservedUsernames } from './reserved-usernames.ts';

const HOST = 'auth.example.com';

function judge(entries: string[] = []): (name: string) => boolean {
  const isReserved = createReservedUsernames({ host: HOST, entries });
  return (name) => {
    const key = canonicalUsername(name)?.key;
    assert.ok(key, `${name} is no name`);
    return isReserved(key);
  };
}

test('names that speak for the service are reserved, and what looks like them', () => {
  const reserved = judge();
  const names = [
    ...['admin', 'Administrator', 'superadmin', 'root', 'support', 'postmaster', 'hostmaster', 'webmaster', 'abuse'],
    ...['security', 'noreply', 'ostiary', 'moderator', 'staff', 'guest', 'null', 'setup', HOST],
    // Case, accents, look-alikes of the same and of another script.
    ...['ADMIN', 'ádmin', 'adrnin', 'admln', 'r00t', 'R0OT', 'SUPP0RT', '0stiary', 'ostıary', 'гоот'],
    // Separators in any place.
    ...[
      'no-reply',
      'no_reply',
      'no.reply',
      'ad-min',
      'a.d.m.i.n',
      'sys-admin',
      'mailer-daemon',
      'well-known',
      'by-name',
    ],
    // `me` is too short for a username, but its look-alike is not.
    'rne',
  ];
  for (const name of names) assert.equal(reserved(name), true, name);
});

test('names of people are free', () => {
  const reserved = judge();
  for (const name of [
    'ann',
    'Ali',
    'Edit',
    'Nan',
    'Badmin',
    'admina',
    'rooty',
    'Иван',
    'support-ann',
    'example',
    '山田太郎',
    'Ελένη',
  ]) {
    assert.equal(reserved(name), false, name);
  }
});

test('an operator adds names and takes shipped ones off', () => {
  const reserved = judge(['Acme', 'acme-help', '-team', '-no.reply', 'x1']);
  for (const name of ['acme', 'ACME', 'a-c-m-e', 'acmehelp', 'acme.he1p', 'admin']) {
    assert.equal(reserved(name), true, name);
  }
  for (const name of ['team', 'no-reply', 'noreply', 'acme2']) assert.equal(reserved(name), false, name);
});
