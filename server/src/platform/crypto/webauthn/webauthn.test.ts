import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';
import {
  coseKey,
  createAuthenticator,
  type Deviations,
  EDDSA,
  ES256,
  encodeCbor,
  FLAGS,
  makeKey,
  RS256,
} from '../../../../test/webauthn-device.ts';
import {
  type AuthenticationJson,
  type RegistrationJson,
  verifyAuthentication,
  verifyRegistration,
} from './webauthn.ts';

const ORIGIN = 'http://localhost:8000';
const EXPECTED = { origins: [ORIGIN, 'https://app.example.com'], rpId: 'localhost' };
const ALGORITHMS = [ES256, EDDSA, RS256];
const newChallenge = () => randomBytes(32).toString('base64url');

const optionsOf = (challenge: string) => ({
  challenge,
  rp: { id: 'localhost' },
  user: { id: 'dXNlcg' },
  pubKeyCredParams: ALGORITHMS.map((alg) => ({ alg })),
});

type Create = Deviations & { algorithm?: number };

/** Makes a credential with these deviations, and verifies it; another implementation must say the same. */
async function register(d: Create = {}, { presence = true, device = createAuthenticator() } = {}) {
  const challenge = newChallenge();
  const json = device.create(optionsOf(challenge), d);
  return { registered: verifyRegistration(json, { ...EXPECTED, challenge, presence }), json, challenge, device };
}

const flip = (bytes: Buffer, at: number) => Buffer.from(bytes.with(at, bytes.readUInt8(at) ^ 1));
const withoutId = (json: RegistrationJson | AuthenticationJson) => ({
  id: json.id,
  rawId: json.rawId,
  type: json.type,
});

for (const algorithm of ALGORITHMS) {
  test(`a credential of ${algorithm} is registered and used, as another implementation says, too`, async () => {
    const { registered, json, challenge, device } = await register({ algorithm });
    assert.equal(registered.algorithm, algorithm);
    assert.equal(registered.credentialId, json.id);
    assert.deepEqual([registered.userVerified, registered.backupEligible, registered.backedUp], [true, true, true]);
    const peer = await verifyRegistrationResponse({
      response: { ...json, clientExtensionResults: {}, type: 'public-key' },
      expectedChallenge: challenge,
      expectedOrigin: ORIGIN,
      expectedRPID: 'localhost',
      supportedAlgorithmIDs: ALGORITHMS,
    });
    assert.ok(peer.verified);
    const { credential, aaguid } = peer.registrationInfo;
    assert.equal(Buffer.from(credential.publicKey).toString('base64url'), registered.publicKey);
    assert.equal(aaguid, registered.aaguid);

    const next = newChallenge();
    const used = device.get({ challenge: next, rpId: 'localhost' });
    const assertion = verifyAuthentication(used, { ...EXPECTED, challenge: next }, registered);
    assert.deepEqual(assertion, { userVerified: true, backedUp: true, counter: 0 });
    const other = await verifyAuthenticationResponse({
      response: {
        ...used,
        response: { ...used.response, userHandle: 'dXNlcg' },
        clientExtensionResults: {},
        type: 'public-key',
      },
      expectedChallenge: next,
      expectedOrigin: ORIGIN,
      expectedRPID: 'localhost',
      credential,
    });
    assert.ok(other.verified);
  });
}

/** A COSE_Key of four parameters, the first of which comes again. */
const twice = (cose: Buffer) => Buffer.concat([Buffer.from([0xa5]), cose.subarray(1), encodeCbor(1), encodeCbor(1)]);

const REGISTRATIONS: Record<string, Create> = {
  'another origin': { origin: 'http://localhost:8001' },
  'an origin that begins alike': { origin: `${ORIGIN}.example.com` },
  'an origin in another case': { origin: 'HTTP://LOCALHOST:8000' },
  'no origin': { client: { origin: undefined } },
  'an origin that is a list': { client: { origin: [ORIGIN] } },
  'another challenge': { challenge: newChallenge() },
  'no challenge': { client: { challenge: undefined } },
  'a challenge that is null': { client: { challenge: null } },
  'the ceremony of a sign-in': { type: 'webauthn.get' },
  'the ceremony of a payment': { type: 'payment.get' },
  'a frame of another origin': { client: { crossOrigin: true } },
  'a frame of another origin, named': { client: { crossOrigin: true, topOrigin: ORIGIN } },
  'a top origin without a frame': { client: { topOrigin: ORIGIN } },
  'a frame that is no boolean': { client: { crossOrigin: 'false' } },
  'client data that are no object': { clientData: Buffer.from('null') },
  'client data that are no JSON': { clientData: Buffer.from('{') },
  'client data that are not UTF-8': { clientData: Buffer.from([0x7b, 0xff, 0x7d]) },
  'another relying party': { rpId: 'example.com' },
  'a relying party above ours': { rpId: 'host' },
  'nobody present': { flags: FLAGS.UV | FLAGS.AT },
  'no credential, by the flags': { flags: FLAGS.UP | FLAGS.UV },
  'a backup of what cannot be backed up': { flags: FLAGS.UP | FLAGS.AT | FLAGS.BS },
  'extensions that are not there': { flags: FLAGS.UP | FLAGS.AT | FLAGS.ED },
  'extensions that are no map': {
    flags: FLAGS.UP | FLAGS.AT | FLAGS.ED,
    authData: (data) => Buffer.concat([data, encodeCbor(1)]),
  },
  'bytes behind the authenticator data': { authData: (data) => Buffer.concat([data, Buffer.alloc(1)]) },
  'a map behind the key, without a flag': { authData: (data) => Buffer.concat([data, encodeCbor(new Map())]) },
  'authenticator data that end early': { authData: (data) => data.subarray(0, -1) },
  'authenticator data of one byte': { authData: (data) => data.subarray(0, 1) },
  'authenticator data that end within the id': { authData: (data) => data.subarray(0, 60) },
  'an id of no byte': { authData: (data) => Buffer.concat([data.subarray(0, 53), Buffer.alloc(2), data.subarray(75)]) },
  'an id of the authenticator that is another': { authData: (data) => flip(data, 60) },
  'an id of the response that is another': { id: newChallenge() },
  'an algorithm that is not accepted': {
    publicKey: coseKey({ 1: 2, 3: -47, [-1]: 8, [-2]: Buffer.alloc(32), [-3]: Buffer.alloc(32) }),
  },
  'no algorithm': { publicKey: coseKey({ 1: 2, [-1]: 1, [-2]: Buffer.alloc(32), [-3]: Buffer.alloc(32) }) },
  'a key of RSA that says ES256': {
    publicKey: coseKey({ 1: 3, 3: ES256, [-1]: Buffer.alloc(256, 7), [-2]: Buffer.from([1, 0, 1]) }),
  },
  'a key of another curve': {
    publicKey: coseKey({ 1: 2, 3: ES256, [-1]: 2, [-2]: Buffer.alloc(32, 1), [-3]: Buffer.alloc(32, 1) }),
  },
  'a point that is not on the curve': {
    publicKey: coseKey({ 1: 2, 3: ES256, [-1]: 1, [-2]: Buffer.alloc(32, 1), [-3]: Buffer.alloc(32, 1) }),
  },
  'a coordinate that is too short': { publicKey: coseKey({ 1: 1, 3: EDDSA, [-1]: 6, [-2]: Buffer.alloc(31, 1) }) },
  'a coordinate that is text': {
    publicKey: encodeCbor(
      new Map<number, string | number>([
        [1, 1],
        [3, EDDSA],
        [-1, 6],
        [-2, 'a'.repeat(32)],
      ]),
    ),
  },
  'a parameter more': {
    publicKey: coseKey({ 1: 1, 3: EDDSA, [-1]: 6, [-2]: Buffer.alloc(32, 1), 2: Buffer.from('id') }),
  },
  'a parameter twice': { publicKey: twice(makeKey(EDDSA).cose), algorithm: EDDSA },
  'a key that is no map': { publicKey: encodeCbor('key') },
  'an RSA key of 1024 bits': { publicKey: makeKey(RS256, 1024).cose },
  'an RSA key with the exponent 1': {
    publicKey: coseKey({ 1: 3, 3: RS256, [-1]: Buffer.alloc(256, 0xff), [-2]: Buffer.from([1]) }),
  },
  'an RSA key of 8192 bits': {
    publicKey: coseKey({ 1: 3, 3: RS256, [-1]: Buffer.alloc(1024, 0xff), [-2]: Buffer.from([1, 0, 1]) }),
  },
  'a key of indefinite length': { publicKey: Buffer.from([0xbf, 0xff]) },
  'a key with a tag': { publicKey: Buffer.concat([Buffer.from([0xc0]), makeKey(ES256).cose]) },
  'a key that is nested deeply': { publicKey: Buffer.concat([Buffer.alloc(200, 0x81), Buffer.from([1])]) },
  'a key that says it has 2^32 - 1 entries': { publicKey: Buffer.from([0xba, 0xff, 0xff, 0xff, 0xff]) },
  'a statement where there is none': {
    attestation: new Map<string, string | Map<string, string>>([
      ['fmt', 'none'],
      ['attStmt', new Map([['x5c', '']])],
    ]),
  },
  'an attestation without a format': { attestation: new Map([['attStmt', new Map()]]) },
  'an attestation without a statement': { attestation: new Map([['fmt', 'none']]) },
  'another type of credential': { json: { type: 'password' } },
  'a raw id that differs': { json: { rawId: newChallenge() } },
};

test(`registrations with one thing wrong: ${Object.keys(REGISTRATIONS).length} are refused`, async () => {
  for (const [name, deviation] of Object.entries(REGISTRATIONS)) {
    await assert.rejects(register(deviation), { name: 'WebAuthnInvalid' }, name);
  }
});

test('an attestation object is refused with bytes behind it, cut off, or spelled otherwise', async () => {
  const { json, challenge } = await register();
  const bytes = Buffer.from(json.response.attestationObject, 'base64url');
  for (const attestationObject of [
    Buffer.concat([bytes, Buffer.alloc(1)]).toString('base64url'),
    bytes.subarray(0, -1).toString('base64url'),
    `${bytes.toString('base64url')}=`,
    bytes.toString('base64'),
    '',
    encodeCbor([1]).toString('base64url'),
  ]) {
    const altered = { ...withoutId(json), response: { ...json.response, attestationObject } };
    if (attestationObject === json.response.attestationObject) continue;
    assert.throws(() => verifyRegistration(altered, { ...EXPECTED, challenge, presence: true }), {
      name: 'WebAuthnInvalid',
    });
  }
});

test('a browser that creates a credential silently has nobody present: only where that is expected', async () => {
  const silent = { flags: FLAGS.AT | FLAGS.BE | FLAGS.BS };
  const { registered } = await register(silent, { presence: false });
  assert.equal(registered.userVerified, false);
  await assert.rejects(register(silent), { name: 'WebAuthnInvalid' });
});

test('an attestation that nobody asked for is not looked at, and numbers may be longer than needed', async () => {
  const attestation = new Map<string, string | Map<string, number | Buffer>>([
    ['fmt', 'packed'],
    [
      'attStmt',
      new Map<string, number | Buffer>([
        ['alg', -7],
        ['sig', Buffer.alloc(70)],
      ]),
    ],
  ]);
  assert.equal((await register({ attestation })).registered.algorithm, ES256);
  // 0x58 before the length of the key, which fits into the head.
  const { cose } = makeKey(EDDSA);
  const long = Buffer.concat([Buffer.from([0xb8, 0x04]), cose.subarray(1)]);
  assert.equal((await register({ publicKey: long, algorithm: EDDSA })).registered.algorithm, EDDSA);
});

const ASSERTIONS: Record<string, Parameters<ReturnType<typeof createAuthenticator>['get']>[1]> = {
  'another origin': { origin: 'https://evil.example.com' },
  'the scheme of another origin': { origin: 'https://localhost:8000' },
  'another challenge': { challenge: newChallenge() },
  'the ceremony of a registration': { type: 'webauthn.create' },
  'a frame of another origin': { client: { crossOrigin: true } },
  'a top origin': { client: { topOrigin: 'https://evil.example.com' } },
  'another relying party': { rpId: 'example.com' },
  'nobody present': { flags: FLAGS.UV | FLAGS.BE | FLAGS.BS },
  'a key that could not be backed up': { flags: FLAGS.UP | FLAGS.UV },
  'a backup of what cannot be backed up': { flags: FLAGS.UP | FLAGS.UV | FLAGS.BS },
  'a new credential': { flags: FLAGS.UP | FLAGS.BE | FLAGS.AT },
  'bytes behind the authenticator data': { authData: (data) => Buffer.concat([data, encodeCbor(new Map())]) },
  'authenticator data that end early': { authData: (data) => data.subarray(0, 36) },
  'no authenticator data': { authData: () => Buffer.alloc(0) },
  'a wrong signature': { signature: (signature) => flip(signature, signature.length - 1) },
  'no signature': { signature: () => Buffer.alloc(0) },
  'a signature of zeros': { signature: () => Buffer.from('3006020100020100', 'hex') },
  'a signature that is not in DER': { signature: () => Buffer.alloc(64, 1) },
  'a signature with bytes behind it': { signature: (signature) => Buffer.concat([signature, Buffer.alloc(1)]) },
  'another id': { id: newChallenge() },
  'another type of credential': { json: { type: 'password' } },
};

test(`assertions with one thing wrong: ${Object.keys(ASSERTIONS).length} are refused, and flipped bits`, async () => {
  const { registered, device } = await register();
  const stranger = await register();
  const [foreign] = stranger.device.credentials;
  assert.ok(foreign);
  const cases = { ...ASSERTIONS, 'the key of somebody else': { signedBy: foreign } };
  for (const [name, deviation] of Object.entries(cases)) {
    const challenge = newChallenge();
    const json = device.get({ challenge, rpId: 'localhost' }, deviation);
    const verifying = () => verifyAuthentication(json, { ...EXPECTED, challenge }, registered);
    assert.throws(verifying, { name: 'WebAuthnInvalid' }, name);
  }
  const challenge = newChallenge();
  const json = device.get({ challenge, rpId: 'localhost' });
  for (const part of ['clientDataJSON', 'authenticatorData', 'signature'] as const) {
    const bytes = Buffer.from(json.response[part], 'base64url');
    for (let at = 0; at < bytes.length; at++) {
      const response = { ...json.response, [part]: flip(bytes, at).toString('base64url') };
      const verifying = () => verifyAuthentication({ ...json, response }, { ...EXPECTED, challenge }, registered);
      assert.throws(verifying, { name: 'WebAuthnInvalid' }, `${part}, byte ${at}`);
    }
  }
  const asAnother = { ...registered, publicKey: stranger.registered.publicKey };
  assert.throws(() => verifyAuthentication(json, { ...EXPECTED, challenge }, asAnother), { name: 'WebAuthnInvalid' });
  assert.ok(verifyAuthentication(json, { ...EXPECTED, challenge }, registered));
});

test('user verification, backup and counter are told as they are signed', async () => {
  const device = createAuthenticator({ verifies: false, synced: false, counts: true });
  const { registered } = await register({}, { device });
  assert.deepEqual([registered.userVerified, registered.backupEligible, registered.backedUp], [false, false, false]);
  for (const counter of [1, 2]) {
    const challenge = newChallenge();
    const json = device.get({ challenge });
    const assertion = verifyAuthentication(json, { ...EXPECTED, challenge }, registered);
    assert.deepEqual(assertion, { userVerified: false, backedUp: false, counter });
  }
  const challenge = newChallenge();
  const later = device.get({ challenge }, { counter: 2 ** 32 - 1 });
  assert.equal(verifyAuthentication(later, { ...EXPECTED, challenge }, registered).counter, 2 ** 32 - 1);
});

test('no bytes make it fail in another way', async () => {
  const { json, challenge } = await register();
  const bytes = Buffer.from(json.response.attestationObject, 'base64url');
  for (let i = 0; i < 3000; i++) {
    const mutated = i % 3 === 0 ? randomBytes(1 + (i % 200)) : Buffer.from(bytes);
    if (i % 3 !== 0) for (let n = 0; n <= i % 4; n++) mutated[(i * 31 + n * 17) % mutated.length] = (i * 7 + n) & 0xff;
    const response = { ...json.response, attestationObject: mutated.toString('base64url') };
    try {
      verifyRegistration({ ...json, response }, { ...EXPECTED, challenge, presence: true });
    } catch (error) {
      assert.equal((error as Error).name, 'WebAuthnInvalid');
    }
  }
});
