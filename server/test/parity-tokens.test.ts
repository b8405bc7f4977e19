import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import { createEvents } from '../src/modules/events/events.ts';
import { createKeys } from '../src/modules/keys/keys.ts';
import { HOUR, MINUTE, SECOND } from '../src/platform/clock.ts';
import { createKeyring } from '../src/platform/crypto/keyring.ts';
import { createLog } from '../src/platform/telemetry/log.ts';
import { ok, type SignedInBody } from './client.ts';
import { testDatabases } from './databases.ts';
import { atOnce, refused, type Scene, somebody, tally, withScene } from './scenario.ts';

/** What is longer does not fit the schema of the body, and is refused for that. */
const LONGEST_BODY_TOKEN = 4096;

type Json = Record<string, unknown>;

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part = ''): Json => JSON.parse(Buffer.from(part, 'base64url').toString());

/** The key that the server signs with. */
async function serverKey({ app, config, time }: Scene): Promise<KeyObject> {
  const clock = () => time.now;
  const keys = createKeys({
    store: app.storage.keys,
    events: createEvents({ clock }),
    keyring: createKeyring(config.secretKeys),
    algorithm: config.tokens.algorithm,
    rotation: config.keyRotation,
    clock,
    log: createLog(config.log),
  });
  await keys.load();
  return keys.signing.current().privateKey;
}

function signed(key: KeyObject, header: Json, claims: Json): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
}

function macked(secret: string | Buffer, header: Json, claims: Json): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

describe('parity 1: tokens that are not ours', () => {
  async function assertRefused(s: Scene, tokens: Record<string, string>) {
    for (const [what, token] of Object.entries(tokens)) {
      const answer = await s.client.send('GET', '/users/me', { token });
      assert.equal(answer.statusCode, 401, `${what}: ${answer.statusCode} ${answer.body}`);
      refused(answer, 401, 'unauthenticated');
      assert.match(String(answer.headers['www-authenticate']), /^Bearer/);
      if (token.length > LONGEST_BODY_TOKEN) continue;
      const refresh = await s.client.send('POST', '/auth/refresh', { body: { refreshToken: token } });
      refused(refresh, 401, 'refresh_invalid');
    }
  }

  test('parity 1: expired, wrong-type, wrong-algorithm, unsigned, empty-key and foreign tokens are 401', () =>
    withScene(async (s) => {
      const { accessToken } = await s.client.register(somebody());
      const [head, body, signature] = accessToken.split('.');
      const header = decode(head);
      const claims = decode(body);
      const key = await serverKey(s);
      // The control: what the server's key signed is taken, so each token below is refused for its one fault.
      ok(await s.client.send('GET', '/users/me', { token: signed(key, header, { ...claims }) }), 200);

      const foreign = generateKeyPairSync('ed25519').privateKey;
      const jwks = (await s.app.http.inject('/.well-known/jwks.json')).json<{ keys: { x: string }[] }>();
      const publicJwk = jwks.keys[0];
      assert.ok(publicJwk);
      const now = Math.floor(s.time.now.getTime() / 1000);
      const hs256 = { ...header, alg: 'HS256' };
      await assertRefused(s, {
        expired: signed(key, header, { ...claims, iat: now - 1000, exp: now - 1 }),
        'without exp': signed(key, header, { ...claims, exp: undefined }),
        'exp as text': signed(key, header, { ...claims, exp: String(claims.exp) }),
        'of type JWT': signed(key, { ...header, typ: 'JWT' }, claims),
        'of no type': signed(key, { ...header, typ: undefined }, claims),
        'an ID token': signed(key, { ...header, typ: 'id_token+jwt' }, claims),
        'of another issuer': signed(key, header, { ...claims, iss: 'https://other.example' }),
        'for somebody else': signed(key, header, { ...claims, aud: 'https://other.example' }),
        'of no session': signed(key, header, { ...claims, sid: undefined }),
        'of an unknown session': signed(key, header, { ...claims, sid: '01890000-0000-7000-8000-000000000000' }),
        'of another user': signed(key, header, { ...claims, sub: '01890000-0000-7000-8000-000000000000' }),
        'sid as a list': signed(key, header, { ...claims, sid: [claims.sid] }),
        'with a critical extension': signed(key, { ...header, crit: ['x'], x: 1 }, claims),
        'of a foreign key': signed(foreign, header, claims),
        'of a foreign key in the header': signed(foreign, { ...header, jwk: foreign.asymmetricKeyType }, claims),
        'of an unknown key id': signed(key, { ...header, kid: 'unknown' }, claims),
        'of no key id': signed(key, { ...header, kid: undefined }, claims),
        'key id as SQL': signed(key, { ...header, kid: "' or 1=1 --" }, claims),
        'HS256 with the public key': macked(Buffer.from(publicJwk.x, 'base64url'), hs256, claims),
        'HS256 with the public key as text': macked(publicJwk.x, hs256, claims),
        'HS256 with the public key as JWK': macked(JSON.stringify(publicJwk), hs256, claims),
        'HS256 with an empty key': macked('', hs256, claims),
        'HS256 under our algorithm': macked('', header, claims),
        'alg none': `${encode({ ...header, alg: 'none' })}.${body}.`,
        'alg none, with a signature': `${encode({ ...header, alg: 'none' })}.${body}.${signature}`,
        'alg NoNe': `${encode({ ...header, alg: 'NoNe' })}.${body}.AA`,
        'another algorithm': signed(key, { ...header, alg: 'ES256' }, claims),
        unsigned: `${head}.${body}.`,
        'without its signature': `${head}.${body}`,
        'with an empty signature of zeros': `${head}.${body}.${'A'.repeat(86)}`,
        'with more roles': `${head}.${encode({ ...claims, roles: ['superadmin'] })}.${signature}`,
        'signature in other characters': `${accessToken}=`,
        'trailing bits': accessToken.slice(0, -1) + (accessToken.endsWith('A') ? 'B' : 'A'),
      });
    }));

  test('parity 1: tokens of other kinds and garbage are 401', () =>
    withScene(async (s) => {
      const signedIn = await s.client.register(somebody());
      const { refreshToken, accessToken } = signedIn;
      await assertRefused(s, {
        dots: '..',
        words: 'not.a.token',
        null: 'null',
        undefined: 'undefined',
        'JSON in its parts': `${encode({})}.${encode({})}.${encode({})}`,
        'numbers in its parts': `${encode(1)}.${encode(null)}.AAAA`,
        'a UUID': signedIn.session.id,
        'a very long one': 'A'.repeat(6000),
        'very many dots': '.'.repeat(2000),
        'a nested one': `${encode({ alg: 'EdDSA', typ: 'at+jwt', cty: 'JWT' })}.${accessToken}`,
        'its head twice': `${accessToken.split('.')[0]}.${accessToken}`,
      });
      const asAccess = await s.client.send('GET', '/users/me', { token: refreshToken });
      refused(asAccess, 401, 'unauthenticated');
      const asRefresh = await s.client.send('POST', '/auth/refresh', { body: { refreshToken: accessToken } });
      refused(asRefresh, 401, 'refresh_invalid');
      for (const authorization of [
        '',
        'Bearer',
        'Bearer ',
        `Basic ${accessToken}`,
        accessToken,
        `Bearer ${accessToken} x`,
      ]) {
        refused(await s.client.send('GET', '/users/me', { headers: { authorization } }), 401, 'unauthenticated');
      }
      ok(await s.client.send('GET', '/users/me', { token: accessToken }), 200);
    }));

  test('parity 1: a token that was accepted once is refused as soon as it has expired', () =>
    withScene(async (s) => {
      const { accessToken: token } = await s.client.register(somebody());
      ok(await s.client.send('GET', '/users/me', { token }), 200);
      s.time.forward(15 * MINUTE + SECOND);
      refused(await s.client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
      s.time.forward(HOUR);
      refused(await s.client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
    }));
});

for (const { name, freshUrl } of testDatabases()) {
  const onDatabase = (run: (s: Scene) => Promise<void>) => withScene(run, { freshUrl });

  test(`parity 2: concurrent refreshes have one successor, a later replay kills the session (${name})`, () =>
    onDatabase(async (s) => {
      const person = somebody();
      const first = await s.client.register(person);
      const send = (refreshToken: string) => s.client.send('POST', '/auth/refresh', { body: { refreshToken } });
      const answers = await atOnce(20, () => send(first.refreshToken));
      assert.deepEqual(tally(answers), { '200': 20 });
      const successors = new Set(answers.map((answer) => answer.json<SignedInBody>().refreshToken));
      assert.equal(successors.size, 1);
      const [second = ''] = successors;
      const third = ok<SignedInBody>(await send(second), 200);
      s.time.forward(HOUR);
      const mails = (await s.mailsTo(person.email)).length;
      refused(await send(first.refreshToken), 401, 'refresh_invalid');
      refused(await send(third.refreshToken), 401, 'refresh_invalid');
      refused(await s.client.send('GET', '/users/me', { token: third.accessToken }), 401, 'unauthenticated');
      assert.equal((await s.mailsTo(person.email)).length, mails + 1, 'its owner is told');
    }));

  test(`parity 3: whatever ends sessions ends their access and refresh tokens at once (${name})`, () =>
    onDatabase(async (s) => {
      const newPassword = 'feeds the cat at eight';
      type Means = (
        own: SignedInBody,
        other: SignedInBody,
        person: { email: string; password: string },
      ) => Promise<unknown>;
      const means: Record<string, Means> = {
        logout: (own) => s.client.send('POST', '/auth/logout', { token: own.accessToken }),
        'logout by refresh token': (own) =>
          s.client.send('POST', '/auth/logout', { body: { refreshToken: own.refreshToken } }),
        'logout-all elsewhere': (_own, other) =>
          s.client.send('POST', '/auth/logout-all', { token: other.accessToken }),
        'DELETE /sessions elsewhere': (_own, other) =>
          s.client.send('DELETE', '/sessions', { token: other.accessToken }),
        'DELETE /sessions/{id} elsewhere': (own, other) =>
          s.client.send('DELETE', `/sessions/${own.session.id}`, { token: other.accessToken }),
        'change of the password elsewhere': (_own, other, { password }) =>
          s.client.send('POST', '/auth/change-password', {
            token: other.accessToken,
            body: { currentPassword: password, newPassword },
          }),
        'reset of the password': async (_own, _other, { email }) => {
          ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email } }), 202);
          const text = (await s.mailsTo(email)).find((mail) => mail.text.includes('#token='))?.text ?? '';
          const token = /#token=([\w-]+)/.exec(text)?.[1];
          return s.client.send('POST', '/auth/reset-password', { body: { token, newPassword } });
        },
        'deletion of the account': (_own, other) => s.client.send('DELETE', '/users/me', { token: other.accessToken }),
      };
      for (const [what, end] of Object.entries(means)) {
        const person = somebody();
        const own = await s.client.register(person);
        const other = await s.client.login(person);
        // Tokens and state are remembered by now: the end must evict them.
        ok(await s.client.send('GET', '/users/me', { token: own.accessToken }), 200);
        const bystander = await s.client.register(somebody());
        assert.equal(((await end(own, other, person)) as { statusCode: number }).statusCode, 204, what);
        const access = await s.client.send('GET', '/users/me', { token: own.accessToken });
        assert.equal(access.statusCode, 401, what);
        const refresh = await s.client.send('POST', '/auth/refresh', { body: { refreshToken: own.refreshToken } });
        assert.equal(refresh.statusCode, 401, what);
        ok(await s.client.send('GET', '/users/me', { token: bystander.accessToken }), 200);
      }
    }));

  test(`parity 4: concurrent logins of one user all succeed, and all their sessions work (${name})`, () =>
    onDatabase(async (s) => {
      const person = somebody();
      await s.client.register(person);
      const count = 30;
      const sessions = await atOnce(count, () => s.client.login(person));
      assert.equal(new Set(sessions.map(({ session }) => session.id)).size, count);
      for (const { accessToken: token, refreshToken } of sessions) {
        ok(await s.client.send('GET', '/users/me', { token }), 200);
        ok(await s.client.send('POST', '/auth/refresh', { body: { refreshToken } }), 200);
      }
    }));
}
