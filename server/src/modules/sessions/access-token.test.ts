import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import { jwtVerify } from 'jose';
import { DAY, MINUTE } from '../../platform/clock.ts';
import { lowS } from '../../platform/crypto/low-s.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import { createAccessTokens } from './access-token.ts';

const ISSUER = 'https://auth.example.com';
const KID = '01a1f952-769c-7bff-a86a-3b55b9482fba';
const CLAIMS = {
  userId: '01a1f952-7dc9-7fe4-bab7-dca82154abe8',
  sessionId: '01a1f952-7f22-798f-ab28-232779a268b1',
  clientId: 'ostiary',
  generation: 3,
  authTime: new Date('2026-11-20T12:00:00Z'),
  amr: ['pwd'],
  roles: ['user'],
};

type Algorithm = 'EdDSA' | 'ES256' | 'RS256';
const ALGORITHMS = ['EdDSA', 'ES256', 'RS256'] as const;

function pairFor(algorithm: Algorithm) {
  if (algorithm === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  return algorithm === 'EdDSA' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function setUp(algorithm: Algorithm, ttl = 15 * MINUTE) {
  const pair = pairFor(algorithm);
  const time = { now: new Date('2026-11-20T12:00:00Z'), blind: false };
  const known = { kid: KID, algorithm, publicKey: pair.publicKey };
  const keys: SigningKeys = {
    current: () => ({ kid: KID, algorithm, privateKey: pair.privateKey }),
    find: (kid) => (kid === KID ? known : null),
    fetch: async (kid) => (kid === KID ? known : null),
    jwks: async () => ({ keys: [] }),
  };
  const tokens = createAccessTokens({
    keys,
    issuer: ISSUER,
    ttl,
    isBlind: () => time.blind,
    clock: () => time.now,
  });
  return { tokens, time, pair };
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

for (const algorithm of ALGORITHMS) {
  describe(`access tokens by ${algorithm}`, () => {
    const { tokens, time, pair } = setUp(algorithm);
    const { accessToken, expiresIn } = tokens.issue(CLAIMS);
    const [header = '', payload = '', signature = ''] = accessToken.split('.');

    test('another implementation verifies them, and reads the claims of RFC 9068', async () => {
      const options = { issuer: ISSUER, audience: ISSUER, typ: 'at+jwt', currentDate: time.now };
      const { payload: claims, protectedHeader } = await jwtVerify(accessToken, pair.publicKey, options);
      assert.equal(protectedHeader.kid, KID);
      assert.equal(protectedHeader.alg, algorithm);
      assert.equal(expiresIn, 900);
      const { jti, ...rest } = claims;
      assert.match(String(jti), /^3\.[\w-]{16}$/);
      assert.deepEqual(rest, {
        iss: ISSUER,
        aud: ISSUER,
        sub: CLAIMS.userId,
        client_id: 'ostiary',
        sid: CLAIMS.sessionId,
        iat: time.now.getTime() / 1000,
        exp: time.now.getTime() / 1000 + 900,
        auth_time: time.now.getTime() / 1000,
        amr: ['pwd'],
        roles: ['user'],
      });
    });

    test('they are verified until they run out, and a memory of them is no longer than that', async () => {
      const start = time.now;
      const verified = await tokens.verify(accessToken);
      assert.deepEqual(verified, { ...CLAIMS, kid: KID, expiresAt: start.getTime() + 900_000 });
      time.now = new Date(start.getTime() + 900_000 - 1);
      assert.ok(await tokens.verify(accessToken));
      time.now = new Date(start.getTime() + 900_000);
      assert.equal(await tokens.verify(accessToken), null);
      assert.equal((await tokens.verifyExpired(accessToken))?.sessionId, CLAIMS.sessionId);
      time.now = start;
    });

    test('they are taken by an instance whose clock is two minutes behind, also when they live a day', async () => {
      const behind = setUp(algorithm, DAY);
      const { accessToken: long } = behind.tokens.issue(CLAIMS);
      behind.time.now = new Date(behind.time.now.getTime() - 2 * MINUTE);
      assert.ok(await behind.tokens.verify(long));
    });

    test('they are taken with as many roles as a person may have', async () => {
      const roles = Array.from({ length: 100 }, (_, i) => `role-${i}-`.padEnd(50, 'x'));
      assert.deepEqual((await tokens.verify(tokens.issue({ ...CLAIMS, roles }).accessToken))?.roles, roles);
    });

    test('none is issued while nobody here can know which keys were revoked', () => {
      time.blind = true;
      assert.throws(() => tokens.issue(CLAIMS), { code: 'unavailable' });
      time.blind = false;
    });

    test('nothing else is accepted', async () => {
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
      const resign = (head: object, body: object, key?: KeyObject) => resignText(head, JSON.stringify(body), key);
      const resignText = (head: object, body: string, key: KeyObject = pair.privateKey) => {
        const signed = `${encode(head)}.${Buffer.from(body).toString('base64url')}`;
        const how = algorithm === 'EdDSA' ? null : 'sha256';
        const made = sign(how, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
        return `${signed}.${(key.asymmetricKeyType === 'ec' ? lowS(made) : made).toString('base64url')}`;
      };
      const good = { alg: algorithm, typ: 'at+jwt', kid: KID };
      assert.ok(await tokens.verify(resign(good, claims)), 'the forger itself works');
      const publicPem = pair.publicKey.export({ format: 'pem', type: 'spki' });
      const confused = `${encode({ ...good, alg: 'HS256' })}.${payload}`;
      const stranger = pairFor(algorithm).privateKey;
      const others = [...ALGORITHMS, 'PS256', 'RS384', 'RS1', 'ES384'].filter((other) => other !== algorithm);
      const stray = Buffer.from(signature, 'base64url');
      const forged: Record<string, string> = {
        empty: '',
        garbage: 'a.b.c',
        'two parts': `${header}.${payload}`,
        'four parts': `${accessToken}.${signature}`,
        'no signature': `${header}.${payload}.`,
        'alg none': `${encode({ alg: 'none', typ: 'at+jwt', kid: KID })}.${payload}.`,
        'alg none, signed': resign({ ...good, alg: 'none' }, claims),
        'HS256 with the public key': `${confused}.${createHmac('sha256', publicPem).update(confused).digest('base64url')}`,
        ...Object.fromEntries(others.map((alg) => [alg, resign({ ...good, alg }, claims)])),
        'a stranger’s key': resign(good, claims, stranger),
        'an unknown kid': resign({ ...good, kid: KID.replace('0', '1') }, claims),
        'a kid that is a path': resign({ ...good, kid: '../../dev/null' }, claims),
        'no kid': resign({ alg: algorithm, typ: 'at+jwt' }, claims),
        'another type': resign({ ...good, typ: 'JWT' }, claims),
        'a critical header': resign({ ...good, crit: ['exp'] }, claims),
        'an embedded key': resign({ ...good, jwk: stranger.export({ format: 'jwk' }) }, claims, stranger),
        'another order of the header': resign({ kid: KID, alg: algorithm, typ: 'at+jwt' }, claims),
        'another issuer': resign(good, { ...claims, iss: 'https://evil.example.com' }),
        'another audience': resign(good, { ...claims, aud: 'https://other.example.com' }),
        'a list of audiences': resign(good, { ...claims, aud: [ISSUER] }),
        'no expiry': resign(good, { ...claims, exp: undefined }),
        'an expiry as text': resign(good, { ...claims, exp: String(claims.exp) }),
        'an expiry beyond every setting': resign(good, { ...claims, exp: claims.exp + (2 * DAY) / 1000 }),
        'a time to wait for': resign(good, { ...claims, nbf: claims.iat }),
        'claims that are no object': resign(good, []),
        'claims that are no JSON': resignText(good, '{'),
        'another payload': `${header}.${encode({ ...claims, sub: 'x' })}.${signature}`,
        padded: `${accessToken}=`,
        'with a line break': `${header}.${payload}\n.${signature}`,
        'in standard base64': `${header}.${payload}.${stray.toString('base64')}`,
        'with stray bits': `${header}.${payload}.${otherSpelling(signature)}`,
        'very long': `${header}.${'A'.repeat(100_000)}.${signature}`,
      };
      for (const [name, token] of Object.entries(forged)) assert.equal(await tokens.verify(token), null, name);
    });
  });
}

/** The same bytes in base64url whose last character has other unused bits. */
function otherSpelling(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(text.at(-1) ?? '');
  return text.slice(0, -1) + alphabet[last ^ 1];
}
