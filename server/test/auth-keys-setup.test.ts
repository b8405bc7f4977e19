import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose';
import { HOUR, MINUTE } from '../src/platform/clock.ts';
import { ok, type SignedInBody } from './client.ts';
import { refused, somebody, withScene } from './scenario.ts';

describe('/.well-known/oauth-authorization-server', () => {
  const WELL_KNOWN = '/.well-known/oauth-authorization-server';

  test('names the issuer and the keys of the tokens', () =>
    withScene(async (s) => {
      const answer = await s.app.http.inject(WELL_KNOWN);
      assert.match(String(answer.headers['cache-control']), /max-age=[1-9]/);
      const metadata = ok<Record<string, unknown>>(answer, 200);
      assert.deepEqual(metadata, {
        issuer: 'http://localhost:8000',
        jwks_uri: 'http://localhost:8000/.well-known/jwks.json',
        response_types_supported: [],
        grant_types_supported: [],
      });
      const { accessToken } = await s.client.register(somebody());
      assert.equal(decodeJwt(accessToken).iss, metadata.issuer);
      ok(await s.app.http.inject(String(metadata.jwks_uri).slice(String(metadata.issuer).length)), 200);
    }));

  test('is also where RFC 8414 looks for an issuer with a path', () =>
    withScene(
      async (s) => {
        for (const path of [WELL_KNOWN, `${WELL_KNOWN}/auth`]) {
          const { issuer, jwks_uri } = ok<Record<string, unknown>>(await s.app.http.inject(path), 200);
          assert.deepEqual(
            [issuer, jwks_uri],
            ['https://a.example/auth', 'https://a.example/auth/.well-known/jwks.json'],
          );
        }
        assert.equal((await s.app.http.inject(`${WELL_KNOWN}/other`)).statusCode, 404);
      },
      { env: { PUBLIC_URL: 'https://a.example/auth' } },
    ));
});

describe('/.well-known/jwks.json', () => {
  for (const SIGNING_ALGORITHM of ['EdDSA', 'ES256', 'RS256']) {
    test(`others verify our ${SIGNING_ALGORITHM} tokens with it, and find the claims of the contract`, () =>
      withScene(
        async (s) => {
          const person = somebody();
          const { user: registered } = await s.client.register(person);
          s.time.forward(MINUTE);
          const { accessToken, session } = await s.client.login(person);
          const answer = await s.app.http.inject('/.well-known/jwks.json');
          assert.match(String(answer.headers['cache-control']), /max-age=[1-9]/);
          const jwks = ok<JSONWebKeySet>(answer, 200);
          assert.ok(jwks.keys.length >= 1);
          for (const key of jwks.keys) {
            assert.ok(key.kid && key.alg === SIGNING_ALGORITHM && key.use === 'sig');
            for (const secret of ['d', 'p', 'q', 'k']) assert.ok(!(secret in key), 'public halves only');
          }
          const audience = decodeJwt(accessToken).aud;
          assert.ok(audience);
          const { payload, protectedHeader } = await jwtVerify(accessToken, createLocalJWKSet(jwks), {
            issuer: 'http://localhost:8000',
            audience,
            typ: 'at+jwt',
            algorithms: [SIGNING_ALGORITHM],
            currentDate: s.time.now,
          });
          assert.ok(jwks.keys.some(({ kid }) => kid === protectedHeader.kid));
          const now = Math.floor(s.time.now.getTime() / 1000);
          const claims = 'iss aud sub client_id sid jti iat exp auth_time amr roles'.split(' ').sort();
          assert.deepEqual(Object.keys(payload).sort(), claims);
          assert.equal(payload.sub, registered.id);
          assert.equal(payload.sid, session.id);
          assert.equal(payload.client_id, 'ostiary');
          assert.equal(payload.iat, now);
          assert.equal(payload.exp, now + 900);
          assert.equal(payload.auth_time, now);
          assert.deepEqual(payload.amr, ['pwd']);
          assert.deepEqual(payload.roles, ['user']);
        },
        { env: { SIGNING_ALGORITHM } },
      ));
  }

  test('every token has a jti of its own', () =>
    withScene(async (s) => {
      const person = somebody();
      const first = await s.client.register(person);
      const second = await s.client.login(person);
      const body = { refreshToken: second.refreshToken };
      const third = ok<SignedInBody>(await s.client.send('POST', '/auth/refresh', { body }), 200);
      const ids = [first, second, third].map(({ accessToken }) => decodeJwt(accessToken).jti);
      assert.equal(new Set(ids).size, 3);
    }));
});

describe('POST /setup', () => {
  const offer = { email: 'root@example.com', password: 'keeps the keys at home' };

  test('makes the first superadmin, who can sign in', () =>
    withScene(async (s) => {
      const token = await s.app.setup.offer();
      const answer = await s.client.send('POST', '/setup', { body: { token, ...offer, username: 'root-1' } });
      const made = ok<{ user: Record<string, unknown> }>(answer, 201);
      assert.deepEqual(Object.keys(made), ['user']);
      assert.equal(made.user.username, 'root-1');
      assert.equal(made.user.emailVerified, true);
      const signedIn = await s.client.login(offer);
      assert.ok(signedIn.user.roles.includes('superadmin'));
      const claims = decodeJwt<{ roles: string[] }>(signedIn.accessToken);
      assert.ok(claims.roles.includes('superadmin'));
    }));

  test('wrong tokens make nobody and use nothing up; bad passwords neither', () =>
    withScene(async (s) => {
      const token = await s.app.setup.offer();
      assert.ok(token);
      for (const bad of [
        'x',
        `${token}A`,
        token.slice(0, -1),
        token.slice(0, -2) + (token.endsWith('AA') ? 'BB' : 'AA'),
      ]) {
        const answer = await s.client.send('POST', '/setup', { body: { ...offer, token: bad } });
        assert.ok([400, 404].includes(answer.statusCode), answer.body);
      }
      const weak = { ...offer, token, password: 'password123' };
      refused(await s.client.send('POST', '/setup', { body: weak }), 400, 'password_common');
      refused(await s.client.send('POST', '/setup', { body: { token } }), 400, 'validation_failed');
      ok(await s.client.send('POST', '/setup', { body: { token, ...offer } }), 201);
    }));

  test('a link is good for 30 minutes; the next start offers another', () =>
    withScene(async (s) => {
      const late = await s.app.setup.offer();
      s.time.forward(30 * MINUTE);
      const answer = await s.client.send('POST', '/setup', { body: { ...offer, token: late } });
      assert.ok([400, 404].includes(answer.statusCode), answer.body);
      s.time.forward(HOUR);
      const next = await s.app.setup.offer();
      assert.ok(next);
      assert.notEqual(next, late);
      ok(await s.client.send('POST', '/setup', { body: { ...offer, token: next } }), 201);
      refused(await s.client.send('POST', '/setup', { body: { ...offer, token: next } }), 404, 'not_found');
    }));

  test('GET /setup is a page', () =>
    withScene(async (s) => {
      const answer = await s.app.http.inject('/setup');
      assert.equal(answer.statusCode, 200);
      assert.match(String(answer.headers['content-type']), /^text\/html/);
      assert.match(String(answer.headers['content-security-policy']), /default-src 'none'/);
    }));
});

describe('around it', () => {
  test('/health, /ready and their aliases answer; / tells name and version', () =>
    withScene(async (s) => {
      for (const path of ['/health', '/ready', '/api/v1/health/liveness', '/api/v1/health/readiness']) {
        const answer = await s.app.http.inject(path);
        assert.equal(answer.statusCode, 200, path);
        assert.ok(answer.headers['x-request-id']);
      }
      const home = await s.app.http.inject({ url: '/', headers: { accept: 'application/json' } });
      assert.equal(home.statusCode, 200);
      assert.match(home.body, /ostiary/i);
    }));

  test('/dev/mailbox lists every mail in development, and is not there in tests’ production', () =>
    withScene(
      async (s) => {
        const person = somebody();
        ok(await s.client.send('POST', '/auth/register', { body: person }), 202);
        await s.mailsTo(person.email);
        const answer = await s.app.http.inject({ url: '/dev/mailbox', headers: { accept: 'application/json' } });
        const [mail] = ok<Record<string, unknown>[]>(answer, 200);
        assert.deepEqual(Object.keys(mail ?? {}).sort(), ['html', 'id', 'sentAt', 'subject', 'text', 'to']);
        assert.equal(mail?.to, person.email);
        const page = await s.app.http.inject({ url: '/dev/mailbox', headers: { accept: 'text/html' } });
        assert.match(String(page.headers['content-type']), /^text\/html/);
      },
      { env: { ENVIRONMENT: 'development' } },
    ));
});
