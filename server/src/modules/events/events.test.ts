import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW } from '../../../test/fixtures.ts';
import { createEvents } from './events.ts';

const events = createEvents({ clock: () => NOW });
const describe = (data: Record<string, unknown>) =>
  events.describe(null, { type: 'user.changed', target: 'user:1', data }).data;

test('an event whose data name a secret is refused, at any depth, whatever it is', () => {
  const names = [
    ...['password', 'Password', 'newPassword', 'temporary_password', 'passwords', 'passphrase', 'pwd'],
    ...['passwordHash', 'password-hash', 'hash', 'tokenHash', 'previousHash', 'hashes'],
    ...['token', 'tokens', 'refreshToken', 'access_token', 'flowToken', 'resetToken', 'csrfToken', 'jwt', 'cookie'],
    ...['secret', 'clientSecret', 'SECRET', 'nonce', 'rotationNonce', 'otp', 'totp', 'credentials', 'authorization'],
    ...[
      'verificationCode',
      'recoveryCodes',
      'backup_code',
      'resetCode',
      'emailCode',
      'authorizationCode',
      'oneTimeCode',
    ],
    ...['privateKey', 'sealedPrivateKey', 'apiKey', 'secretKey', 'signing_key', 'encryptionKeys'],
  ];
  for (const name of names) {
    for (const value of ['x', '', null, 7, ['x'], { x: 1 }]) {
      for (const data of [{ [name]: value }, { before: { [name]: value } }, { list: [[{ a: { [name]: value } }]] }]) {
        assert.throws(() => describe(data), new TypeError(`An event of type user.changed must not hold ${name}.`));
      }
    }
  }
});

test('what only speaks of secrets passes, and so does what a role, a user or a session is', () => {
  const role = {
    code: 'model_manager',
    name: 'Models',
    description: null,
    enabled: true,
    permissions: ['GET:/api/v1/auth/token', 'password'],
    uiPermissions: { buttons: ['secret'], menus: [] },
    rateLimit: { max: 1, windowSeconds: 1 },
  };
  const user = {
    email: 'a@b.example',
    emailVerified: true,
    username: 'a',
    phone: null,
    fullName: null,
    locale: 'de',
    roles: ['user'],
    status: 'active',
    profile: { bio: 'token', website: null },
    mustChangePassword: true,
  };
  const data = {
    before: role,
    after: user,
    codeId: '1',
    keyId: '2',
    tokenId: '3',
    challengeId: '4',
    invitationId: '5',
    kept: null,
    forced: true,
    passwordVersion: 2,
    hashAlgorithm: 'argon2id',
    publicKey: 'x',
    usernameKey: 'a',
    key: 'x',
    countryCode: 'CH',
    amr: ['pwd'],
    reason: 'reuse_detected',
    algorithm: 'EdDSA',
    superadmins: ['1'],
    statusCode: 404,
  };
  assert.deepEqual(describe(data), data);
});
