import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createPasswordHasher } from '../../../platform/crypto/password-hasher.ts';
import { type ImportedPerson, ImportFailed, type SourceRow } from '../imported-person.ts';
import { toKnownHash } from '../password-formats.ts';
import { FORMATS, type FormatName } from './formats.ts';
import { type Mapping, mergeMappings, readMapping } from './mapping.ts';
import { openSource } from './open-source.ts';
import { toTime } from './person-of.ts';

/** What a format reads of a file. */
async function read(name: FormatName, content: unknown, own: Mapping = {}): Promise<SourceRow[]> {
  const dir = await mkdtemp(join(tmpdir(), 'ostiary-format-'));
  try {
    const path = join(dir, 'people.json');
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    const mapping = mergeMappings(FORMATS[name].mapping, own);
    const source = await openSource(path, { name, format: FORMATS[name], mapping });
    const rows: SourceRow[] = [];
    for await (const row of source.rows(null)) rows.push(row);
    await source.close();
    return rows;
  } finally {
    await rm(dir, { recursive: true });
  }
}

async function only(...given: Parameters<typeof read>): Promise<ImportedPerson> {
  const [row = assert.fail('there is nobody'), ...others] = await read(...given);
  assert.deepEqual(others, []);
  return 'person' in row ? row.person : assert.fail(row.fault);
}

const nobody: ImportedPerson = {
  id: '',
  email: null,
  username: null,
  fullName: null,
  phone: null,
  locale: null,
  emailVerified: false,
  isDisabled: false,
  isDeleted: false,
  roles: [],
  isSuperadmin: false,
  createdAt: null,
  lastLoginAt: null,
  passwordHash: null,
};

async function assertSignsIn(passwordHash: string | null, password: string): Promise<void> {
  const hasher = createPasswordHasher({ memory: 8, passes: 1 });
  const known = toKnownHash(passwordHash);
  assert.ok('stored' in known, String(passwordHash));
  assert.deepEqual(await hasher.verify(password, known.stored), { ok: true, upgrade: true });
  assert.deepEqual(await hasher.verify(`${password}!`, known.stored), { ok: false, upgrade: false });
}

test('Keycloak: a realm with PBKDF2 (vector of RFC 7914, 11) and Argon2 (vector of the reference implementation)', async () => {
  const vector =
    '55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc' +
    '49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783';
  const password = {
    type: 'password',
    secretData: JSON.stringify({
      value: Buffer.from(vector, 'hex').toString('base64'),
      salt: Buffer.from('salt').toString('base64'),
    }),
    credentialData: JSON.stringify({ hashIterations: 1, algorithm: 'pbkdf2-sha256', additionalParameters: {} }),
  };
  const ann = {
    id: '7b5c0b5e',
    createdTimestamp: 1_700_000_000_123,
    username: 'ann',
    enabled: true,
    emailVerified: true,
    firstName: 'Ann',
    lastName: 'Lee',
    email: 'ann@example.com',
    attributes: { locale: ['de'], phoneNumber: ['+49 30 1234567'] },
    credentials: [{ type: 'otp', secretData: '{}', credentialData: '{}' }, password],
    realmRoles: ['default-roles-shop', 'editor'],
  };
  const person = await only('keycloak', { realm: 'shop', users: [ann] });
  assert.deepEqual(
    { ...person, passwordHash: null },
    {
      ...nobody,
      id: '7b5c0b5e',
      email: 'ann@example.com',
      username: 'ann',
      fullName: 'Ann Lee',
      phone: '+49 30 1234567',
      locale: 'de',
      emailVerified: true,
      roles: ['default-roles-shop', 'editor'],
      createdAt: new Date(1_700_000_000_123),
    },
  );
  await assertSignsIn(person.passwordHash, 'passwd');

  const argon2 = {
    type: 'password',
    secretData: JSON.stringify({ value: 'nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4=', salt: 'c29tZXNhbHQ=' }),
    credentialData: JSON.stringify({
      hashIterations: 2,
      algorithm: 'argon2',
      additionalParameters: { hashLength: ['32'], memory: ['256'], type: ['id'], version: ['1.3'], parallelism: ['1'] },
    }),
  };
  const bob = { id: 'b', username: 'bob', email: 'bob@example.com', enabled: false, credentials: [argon2] };
  const disabled = await only('keycloak', { users: [bob] });
  assert.deepEqual([disabled.isDisabled, disabled.emailVerified], [true, false]);
  await assertSignsIn(disabled.passwordHash, 'password');

  const strange = { ...bob, credentials: [{ ...argon2, credentialData: '{"algorithm":"rot13"}' }] };
  const unknown = toKnownHash((await only('keycloak', { users: [strange] })).passwordHash);
  assert.deepEqual(unknown, { unknown: '{rot13}…' });
  const broken = { ...bob, credentials: [{ ...argon2, secretData: '{' }] };
  assert.deepEqual(await read('keycloak', { users: [broken] }), [
    { position: 1, place: 'person 1', fault: 'what it contains cannot be read' },
  ]);
});

test('Auth0: both exports lead to the same person, who keeps what each says', async () => {
  const hash = '$2b$10$abcdefghijklmnopqrstuuKtPzLr5k8g4ww3e2ip28ID6lLn6mQBq';
  const id = '5a2b';
  const withHash = JSON.stringify({
    _id: { $oid: id },
    email: 'ann@example.com',
    email_verified: true,
    passwordHash: hash,
    tenant: 'shop',
  });
  const user = JSON.stringify({
    user_id: `auth0|${id}`,
    email: 'ann@example.com',
    blocked: true,
    name: 'Ann',
    created_at: '2020-01-02T03:04:05.678Z',
    app_metadata: { roles: ['editor'] },
    user_metadata: { roles: ['admin'] },
  });
  const [first, second] = [await only('auth0', withHash), await only('auth0', user)];
  assert.deepEqual([first.id, second.id], ['auth0|5a2b', 'auth0|5a2b']);
  assert.deepEqual([first.passwordHash, first.emailVerified, first.isDisabled], [hash, true, false]);
  assert.deepEqual([second.roles, second.isDisabled], [['editor'], true]);
  assert.deepEqual(second.createdAt, new Date('2020-01-02T03:04:05.678Z'));

  const dir = await mkdtemp(join(tmpdir(), 'ostiary-auth0-'));
  try {
    const [people, hashes] = [join(dir, 'users.ndjson'), join(dir, 'hashes.ndjson')];
    const nobody = JSON.stringify({ user_id: 'auth0|other', email: 'other@example.com' });
    await writeFile(people, `${user}\n${nobody}\n`);
    await writeFile(hashes, `${withHash}\n{"_id":{"$oid":"ffff"},"passwordHash":"x"}\nbroken\n`);
    const { mapping } = FORMATS.auth0;
    const source = await openSource(people, { name: 'auth0', format: FORMATS.auth0, mapping, hashes });
    const rows: SourceRow[] = [];
    for await (const row of source.rows(null)) rows.push(row);
    await source.close();
    assert.deepEqual(
      rows.map((row) => 'person' in row && [row.person.id, row.person.passwordHash, row.person.isDisabled]),
      [
        ['auth0|5a2b', hash, true],
        ['auth0|other', null, false],
      ],
    );
    await assert.rejects(
      openSource(people, { name: 'auth0', format: FORMATS.auth0, mapping, hashes: join(dir, 'none') }),
      ImportFailed,
    );
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('Firebase: the vector of its scrypt program; without the parameters of the project it says what is missing', async () => {
  const users = [
    {
      localId: 'f1',
      email: 'ann@example.com',
      emailVerified: true,
      // As `auth:export` writes it: base64 with the signs of URLs.
      passwordHash: 'lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ==',
      salt: '42xEC-ixf3L2lw==',
      displayName: 'Ann',
      createdAt: '1500000000000',
      lastSignedInAt: '1600000000000',
      customAttributes: '{"role":"editor"}',
    },
  ];
  const firebase = {
    signerKey: 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
    saltSeparator: 'Bw==',
    rounds: 8,
    memoryCost: 14,
  };
  const { passwordHash, ...person } = await only('firebase', { users }, { firebase });
  assert.deepEqual(person, {
    id: 'f1',
    email: 'ann@example.com',
    username: null,
    fullName: 'Ann',
    phone: null,
    locale: null,
    emailVerified: true,
    isDisabled: false,
    isDeleted: false,
    roles: ['editor'],
    isSuperadmin: false,
    createdAt: new Date(1_500_000_000_000),
    lastLoginAt: new Date(1_600_000_000_000),
  });
  await assertSignsIn(passwordHash, 'user1password');
  await assert.rejects(read('firebase', { users }), ImportFailed);
});

test('Supabase, better-auth, Django, Laravel, WordPress, ASP.NET: the columns of their tables', async () => {
  const now = new Date();
  const hour = (hours: number) => new Date(now.getTime() + hours * 3_600_000).toISOString();
  const supabase = {
    id: 's',
    email: 'a@example.com',
    encrypted_password: '$2a$10$x',
    email_confirmed_at: '2024-05-06 07:08:09+00',
    banned_until: hour(1),
    raw_user_meta_data: { name: 'Ann', roles: ['admin'] },
    raw_app_meta_data: '{"roles":["editor"]}',
  };
  const banned = await only('supabase', [supabase]);
  assert.deepEqual([banned.isDisabled, banned.emailVerified, banned.fullName], [true, true, 'Ann']);
  assert.deepEqual(banned.roles, ['editor']);
  assert.equal((await only('supabase', [{ ...supabase, banned_until: hour(-1) }])).isDisabled, false);
  assert.equal((await only('supabase', [{ ...supabase, deleted_at: hour(-1) }])).isDeleted, true);

  const better = await only('better-auth', [
    { id: 'b', email: 'b@example.com', emailVerified: 1, name: 'B', banned: 0 },
  ]);
  assert.deepEqual([better.emailVerified, better.isDisabled, better.fullName], [true, false, 'B']);

  const django = await only('django', [
    {
      id: 7,
      email: 'd@example.com',
      username: 'dan',
      password: '!x',
      is_active: 't',
      is_superuser: 't',
      first_name: 'Dan',
      last_name: '',
    },
  ]);
  assert.deepEqual(django, {
    ...nobody,
    id: '7',
    email: 'd@example.com',
    username: 'dan',
    fullName: 'Dan',
    isSuperadmin: true,
    passwordHash: '!x',
  });

  const laravel = await only('laravel', [
    {
      id: 1,
      name: 'Eva',
      email: 'e@example.com',
      password: '$2y$12$x',
      email_verified_at: null,
      created_at: '2021-02-03 04:05:06',
    },
  ]);
  assert.deepEqual([laravel.emailVerified, laravel.createdAt], [false, new Date('2021-02-03T04:05:06Z')]);

  const wordpress = await only('wordpress', [
    {
      ID: 3,
      user_login: 'fritz',
      user_pass: '$P$B',
      user_email: 'f@example.com',
      user_registered: '0000-00-00 00:00:00',
      display_name: 'F',
    },
  ]);
  assert.deepEqual([wordpress.id, wordpress.username, wordpress.createdAt], ['3', 'fritz', null]);

  const aspnet = await only('aspnet-identity', [
    {
      Id: 'g',
      UserName: 'g@example.com',
      Email: 'g@example.com',
      EmailConfirmed: 'True',
      PasswordHash: 'AQ',
      LockoutEnd: null,
    },
  ]);
  assert.deepEqual([aspnet.emailVerified, aspnet.isDisabled, aspnet.passwordHash], [true, false, 'AQ']);
});

test('plain: the usual names, an id that is missing, and our own export', async () => {
  const text = [
    'user_id,email,hashed_password,is_active,is_superuser,role,last_login',
    '1,a@example.com,$2b$12$x,0,1,"editor, viewer",1700000000',
    ',b@example.com,,,,,',
  ].join('\n');
  const [first, second] = await read('plain', text);
  assert.deepEqual(first && 'person' in first && first.person, {
    ...nobody,
    id: '1',
    email: 'a@example.com',
    passwordHash: '$2b$12$x',
    isDisabled: true,
    isSuperadmin: true,
    roles: ['editor', 'viewer'],
    lastLoginAt: new Date(1_700_000_000_000),
  });
  assert.deepEqual(second, { position: 2, place: 'line 3', fault: 'it has no id' });
  const exported = { id: 'x', email: 'x@example.com', status: 'disabled', roles: ['user'], deletedAt: null };
  assert.equal((await only('plain', [exported])).isDisabled, true);
  assert.equal((await only('plain', [{ ...exported, status: 'deleted' }])).isDeleted, true);
});

test('whoever was shut out stays so, also by a value that is not understood', async () => {
  const base = { id: 1, email: 'a@example.com' };
  const isDisabled = async (fields: object) => (await only('plain', [{ ...base, ...fields }])).isDisabled;
  const later = new Date(Date.now() + 3_600_000).toISOString();
  for (const fields of [
    ...[{ is_active: 'f' }, { is_active: 0 }, { is_active: 'No' }, { is_active: 'retired' }, { active: false }],
    ...[{ banned: true }, { disabled: 'forever' }, { blocked: later }, { deleted_at: 'some day' }],
    ...[{ status: 'suspended' }, { status: 'BANNED' }, { status: 'deleted' }],
  ]) {
    assert.equal(await isDisabled(fields), true, JSON.stringify(fields));
  }
  for (const fields of [
    ...[{}, { is_active: 'T' }, { is_active: 'Active' }, { active: null }, { banned: 0 }],
    ...[{ disabled: '' }, { blocked: '2001-01-01' }, { deleted_at: null }, { status: 'active' }],
  ]) {
    assert.equal(await isDisabled(fields), false, JSON.stringify(fields));
  }
  const isVerified = async (emailVerified: unknown) =>
    (await only('plain', [{ ...base, emailVerified }])).emailVerified;
  assert.deepEqual(
    [await isVerified('perhaps'), await isVerified(''), await isVerified('2020-01-01')],
    [false, false, true],
  );
});

test('times: of databases and exports, in seconds and milliseconds; rubbish is none', () => {
  const expected = new Date('2023-11-14T22:13:20.000Z');
  for (const text of [
    '2023-11-14T22:13:20Z',
    '2023-11-14 22:13:20',
    '2023-11-14T22:13:20.000',
    '2023-11-14 22:13:20+00',
    '2023-11-14T23:13:20+01:00',
    1_700_000_000,
    '1700000000',
    1_700_000_000_000,
    '1700000000000',
    expected,
    { $date: '2023-11-14T22:13:20Z' },
    { $date: { $numberLong: '1700000000000' } },
  ]) {
    assert.deepEqual(toTime(text), expected, JSON.stringify(text));
  }
  for (const rubbish of [null, '', 'yesterday', '0000-00-00 00:00:00', 0, -1, true, {}, [], '1969-01-01', 7]) {
    assert.equal(toTime(rubbish), null, JSON.stringify(rubbish));
  }
});

test('a mapping: whatever it does not know is refused, and what it says replaces the format', () => {
  for (const wrong of [
    '',
    '[]',
    '{"fields":{"e-mail":"x"}}',
    '{"roles":["a"]}',
    '{"table":7}',
    '{"fields":{"email":true}}',
  ]) {
    assert.throws(() => readMapping(wrong), ImportFailed, wrong);
  }
  const own = readMapping(
    '{"table":"members","fields":{"email":"mail","emailVerified":true},"roles":{"Boss":"editor"}}',
  );
  const { table, fields, roles } = mergeMappings(FORMATS.django.mapping, own);
  assert.deepEqual(
    [table, fields?.email, fields?.emailVerified, fields?.username],
    ['members', 'mail', true, 'username'],
  );
  assert.deepEqual(roles, { Boss: 'editor' });
});
