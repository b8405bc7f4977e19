import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SigningAlgorithm } from '../src/modules/keys/key-store.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { type AdminUser, admin, withWorld } from './administration.ts';
import { ok, tokenIn } from './client.ts';
import { allRefused, type Counter, openCounter } from './forgery/ask.ts';
import { claims } from './forgery/claims.ts';
import { damages, damagesOf } from './forgery/damages.ts';
import { forms } from './forgery/forms.ts';
import { encode, type Forgery, type Genuine, genuineOf, signed } from './forgery/genuine.ts';
import { headers } from './forgery/headers.ts';
import { signatures } from './forgery/signatures.ts';
import { spellings, spellingsOf } from './forgery/spellings.ts';
import { createRandom, type Random } from './fuzz/random.ts';
import type { World } from './matrix/world.ts';
import { type Problem, refused, somebody } from './scenario.ts';

const SEED = 20261126;
/** Forgeries of access tokens on each server, at least. */
const AT_LEAST = 5000;
const BY_CHANCE = 1000;
const NEW_PASSWORD = 'feeds the cat at eight';
const TEMPORARY = 'a password for one day';
const NOT_OURS = ['401 unauthenticated'];
/** What no token can be for its length is refused for that. */
const INVALID = ['400 token_invalid', '400 validation_failed'];

/** What a token of one part may be taken for: itself damaged, spelt otherwise, and tokens of other kinds. */
function* around(token: string, others: Record<string, string>, random: Random): Generator<Forgery> {
  yield* damagesOf(token, random, BY_CHANCE / 4);
  yield* spellingsOf(token);
  for (const [what, other] of Object.entries(others)) if (other !== token) yield [what, other];
  for (const length of [1, 16, 32, 48, 64, 100]) {
    yield [`${length} zeros`, Buffer.alloc(length).toString('base64url')];
    yield [`${length} ones`, Buffer.alloc(length, 0xff).toString('base64url')];
  }
  for (const text of ['null', 'undefined', '.', '..', '{}', '[]', ' ', '\0', '__proto__', '%', "' or 1=1 --"])
    yield [text, text];
}

/** Runs on a server that signs by this algorithm. */
function onServer(algorithm: SigningAlgorithm, run: (w: World, counter: Counter, random: Random) => Promise<void>) {
  return withWorld(
    async (w) => {
      const counter = await openCounter(w);
      try {
        await run(w, counter, createRandom(SEED, algorithm.length));
      } finally {
        counter.close();
      }
    },
    { env: { SIGNING_ALGORITHM: algorithm } },
  );
}

for (const algorithm of ['EdDSA', 'ES256', 'RS256'] as const) {
  describe(`forged tokens, on a server that signs by ${algorithm}`, () => {
    test('thousands of access tokens that are not its own are 401', (t) =>
      onServer(algorithm, async (w, counter, random) => {
        const { accessToken: genuine } = await w.client.register(somebody());
        const g = await genuineOf(w, genuine);
        const call = counter.asBearer('GET', '/users/me');
        // The controls: a right signature of the forger's is taken, so each token is refused for its one fault.
        for (const control of [genuine, signed(g.privateKey, g.header, g.claims)]) {
          assert.equal((await call(control)).status, 200);
        }
        const classes: Record<string, (g: Genuine) => Iterable<Forgery>> = {
          forms,
          spellings,
          headers,
          claims,
          signatures,
          damages: () => damages(g, random, BY_CHANCE),
        };
        let count = 0;
        for (const [name, forge] of Object.entries(classes)) {
          const asked = await allRefused(forge(g), { genuine, call, expected: NOT_OURS });
          t.diagnostic(`${algorithm}, ${name}: ${asked} refused`);
          count += asked;
        }
        assert.ok(count >= AT_LEAST, `${count} forgeries`);
        assert.equal((await call(genuine)).status, 200);
      }));

    test('the same after rotations: forgeries around a retired key are 401, and all is once it was thrown away', () =>
      onServer(algorithm, async (w, counter, random) => {
        const { accessToken: genuine } = await w.client.register(somebody());
        for (let rotation = 0; rotation < 2; rotation++) await w.app.keys.rotate(SYSTEM_CALLER, 'sig');
        const { accessToken: young } = await w.client.register(somebody());
        const g = await genuineOf(w, genuine);
        const { kid, privateKey: active } = w.app.keys.signing.current();
        assert.notEqual(kid, g.header.kid);
        const call = counter.asBearer('GET', '/users/me');
        const again = () => signed(g.privateKey, g.header, g.claims);
        for (const control of [genuine, young, again()]) assert.equal((await call(control)).status, 200);
        const mixed: Forgery[] = [
          ['the old key under the new one’s name', signed(g.privateKey, { ...g.header, kid }, g.claims)],
          ['the new key under the old one’s name', signed(active, g.header, g.claims)],
          ['a signature of the other token', [...genuine.split('.').slice(0, 2), young.split('.')[2]].join('.')],
          ['claims of the other token', [g.head, young.split('.')[1], g.signature].join('.')],
        ];
        const all = [
          ...mixed,
          ...forms(g),
          ...spellings(g),
          ...headers(g),
          ...signatures(g),
          ...damagesOf(genuine, random, 200),
        ];
        await allRefused(all, { genuine, call, expected: NOT_OURS });
        await w.app.keys.revoke(SYSTEM_CALLER, String(g.header.kid));
        const expected = NOT_OURS;
        await allRefused([['the token itself', genuine], ['another one', again()], ...mixed], {
          genuine: '',
          call,
          expected,
        });
        assert.equal((await call(young)).status, 200);
      }));

    test('whoever brings one neither signs anybody out nor refreshes', () =>
      onServer(algorithm, async (w, counter, random) => {
        const { accessToken: genuine } = await w.client.register(somebody());
        const g = await genuineOf(w, genuine);
        const all = () => [
          ...forms(g),
          ...spellings(g),
          ...headers(g),
          ...signatures(g),
          ...damagesOf(genuine, random, 100),
        ];
        await allRefused(all(), { genuine, call: counter.asBearer('POST', '/auth/logout'), expected: NOT_OURS });
        const refresh = counter.inBody('/auth/refresh', 'refreshToken');
        const expected = ['401 refresh_invalid', '400 validation_failed'];
        await allRefused([...all(), ['the access token', g.token] as Forgery], {
          genuine: '',
          call: refresh,
          expected,
        });
        assert.equal((await counter.asBearer('GET', '/users/me')(genuine)).status, 200);
      }));
  });
}

describe('forged tokens of other kinds', () => {
  test('refresh tokens: damaged, cut or spelt otherwise they are 401, and the session goes on', () =>
    onServer('EdDSA', async (w, counter, random) => {
      const { refreshToken: genuine, accessToken } = await w.client.register(somebody());
      const other = await w.client.register(somebody());
      const tokens = { 'an access token': accessToken, 'the end of another': splice(genuine, other.refreshToken) };
      const call = counter.inBody('/auth/refresh', 'refreshToken');
      const forgeries = [...around(genuine, tokens, random), ...flips(genuine)];
      await allRefused(forgeries, { genuine, call, expected: ['401 refresh_invalid'] });
      await allRefused(forgeries, {
        genuine,
        call: counter.inBody('/auth/logout', 'refreshToken'),
        expected: NOT_OURS,
      });
      assert.equal((await call(genuine)).status, 200);
      assert.equal((await call(other.refreshToken)).status, 200);
    }));

  test('tokens of links and of flows: whatever is not the very token is refused and uses nothing up', () =>
    onServer('EdDSA', async (w, counter, random) => {
      const [person, invited, newcomer] = [somebody(), somebody(), somebody()];
      const { accessToken, refreshToken } = await w.client.register(person);
      ok(await w.client.send('POST', '/auth/request-password-reset', { body: { email: person.email } }), 202);
      ok<AdminUser>(await admin(w, 'POST', '/users', { email: invited.email }), 201);
      ok<AdminUser>(
        await admin(w, 'POST', '/users', { email: newcomer.email, temporaryPassword: TEMPORARY, emailVerified: true }),
        201,
      );
      const login = { login: newcomer.email, password: TEMPORARY };
      const waiting = refused(await w.client.send('POST', '/auth/login', { body: login }), 403, 'step_required');
      const tokens = {
        reset: tokenIn((await w.mailsTo(person.email))[0]?.text),
        invitation: tokenIn((await w.mailsTo(invited.email))[0]?.text),
        flow: (waiting as Problem).flowToken ?? '',
      };
      const others = {
        ...tokens,
        accessToken,
        refreshToken,
        'a flow in plain': encode({ userId: 'x', until: 9e15 }),
      };
      const calls: Record<keyof typeof tokens, Parameters<Counter['inBody']>> = {
        reset: ['/auth/reset-password', 'token', { newPassword: NEW_PASSWORD }],
        invitation: ['/auth/accept-invitation', 'token', { password: NEW_PASSWORD }],
        flow: ['/auth/complete-step', 'flowToken', { newPassword: NEW_PASSWORD }],
      };
      for (const kind of ['reset', 'invitation', 'flow'] as const) {
        const genuine = tokens[kind];
        const call = counter.inBody(...calls[kind]);
        await allRefused([...around(genuine, others, random), ...flips(genuine)], {
          genuine,
          call,
          expected: INVALID,
        });
        const { status, body } = await call(genuine);
        const taken = { reset: '204', invitation: '200', flow: '200' }[kind];
        assert.equal(`${status}${body.code ? ` ${body.code}` : ''}`, taken, kind);
        await allRefused([['used', genuine]], { genuine: '', call, expected: INVALID });
      }
    }));
});

/** Every bit of what a token is the text of; of a flow token that behind its dot. */
function* flips(token: string): Generator<Forgery> {
  const start = token.indexOf('.') + 1;
  const bytes = Buffer.from(token.slice(start), 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield [`bit ${bit} flipped`, token.slice(0, start) + flipped.toString('base64url')];
  }
}

/** The body of one refresh token with the MAC of another. */
function splice(one: string, another: string): string {
  const [body, mac] = [Buffer.from(one, 'base64url').subarray(0, -32), Buffer.from(another, 'base64url').subarray(-32)];
  return Buffer.concat([body, mac]).toString('base64url');
}
