import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import type { LightMyRequestResponse } from 'fastify';
import type { Solution } from '../src/modules/guessing/proof-of-work.ts';
import { MINUTE } from '../src/platform/clock.ts';
import { ok } from './client.ts';
import { exhaust, guess, keptOf, LIMITED, logIn, newAccount, newAddress } from './guessers.ts';
import { fail, solve } from './puzzles.ts';
import { atOnce, type Problem, refused, type Scene, tally, withScene } from './scenario.ts';

const AT_ONCE = 25;
const ON = { ...LIMITED, PROOF_OF_WORK: 'on' };

/** The true time for which counters of many accounts are trusted; milliseconds. */
const LOOKS_AGAIN = 1100;
const pause = () => new Promise((resolve) => setTimeout(resolve, LOOKS_AGAIN));

/** The puzzle that an answer poses; asserts that it is a whole problem document. */
function puzzleOf(answer: LightMyRequestResponse): NonNullable<Problem['puzzle']> {
  const { puzzle } = refused(answer, 403, 'proof_required');
  assert.ok(puzzle);
  assert.deepEqual(Object.keys(puzzle).sort(), ['bits', 'challenge', 'expiresIn']);
  return puzzle;
}

/** One password at many accounts, each from a client of its own. */
const spray = (s: Scene, password: string, accounts: number, from = 0) =>
  atOnce(accounts, (i) => guess(s.client, `sprayed${from + i}@example.com`, { password }));

/** Many accounts, each with a password and a client of its own. */
async function attack(s: Scene, accounts: number): Promise<void> {
  // No more at a time than may wait for a hash.
  for (let from = 0; from < accounts; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, accounts - from);
    const answers = await atOnce(count, (i) => guess(s.client, `attacked${from + i}@example.com`));
    assert.deepEqual(tally(answers), { '401 invalid_credentials': count });
  }
}

describe('without proofs of work, the default', () => {
  test('a password that is sprayed waits a minute, from everywhere and at every account; other passwords do not', () =>
    withScene(
      async (s) => {
        const [owner, other] = [await newAccount(s, { password: 'Summer2026! and more' }), await newAccount(s)];
        const { email: login, password } = owner;
        const kept = keptOf(await logIn(s.client, { login, password, from: newAddress() }));
        assert.deepEqual(tally(await spray(s, password, 9)), { '401 invalid_credentials': 9 });
        assert.deepEqual(tally(await spray(s, password, 1, 9)), { '401 invalid_credentials': 1 });
        const answers = await spray(s, password, 30, 10);
        assert.deepEqual(tally(answers), { '429 rate_limited': 30 });
        assert.deepEqual(new Set(answers.map(({ headers }) => headers['retry-after'])), new Set(['60']));
        ok(await logIn(s.client, { login, password, from: newAddress(), kept }), 200);
        ok(await logIn(s.client, { login: other.email, password: other.password, from: newAddress() }), 200);
      },
      { env: LIMITED },
    ));

  test('during an attack a client has three accounts to fail at; known devices and newcomers sign in', () =>
    withScene(
      async (s) => {
        const [owner, newcomer] = [await newAccount(s), await newAccount(s)];
        const { email: login, password } = owner;
        const kept = keptOf(await logIn(s.client, { login, password, from: newAddress() }));
        const from = newAddress();
        for (let i = 0; i < 3; i++) await guess(s.client, `early${i}@example.com`, { from });
        await attack(s, 97);
        await pause();
        refused(await guess(s.client, 'late@example.com', { from }), 429, 'rate_limited');
        ok(await logIn(s.client, { login, password, from, kept }), 200);
        ok(await logIn(s.client, { login: newcomer.email, password: newcomer.password, from: newAddress() }), 200);
      },
      { env: LIMITED },
    ));

  test('no puzzle is posed, and a solution that nobody asked for does nothing', () =>
    withScene(
      async (s) => {
        const { email: login, password } = await newAccount(s);
        const proof = { challenge: 'A'.repeat(55), solution: '0' };
        ok(await logIn(s.client, { login, password, from: newAddress(), more: { proof } }), 200);
        await exhaust(s.client, login);
        refused(await logIn(s.client, { login, password, from: newAddress(), more: { proof } }), 429, 'rate_limited');
      },
      { env: LIMITED },
    ));
});

describe('forms, with PROOF_OF_WORK=on', () => {
  const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

  const sendForm = (s: Scene, path: string, login: string, password: string, proof?: Solution | string) =>
    s.client.send('POST', path, {
      body: new URLSearchParams({ grant_type: 'password', username: login, password }).toString(),
      headers: {
        ...FORM,
        'x-forwarded-for': newAddress(),
        ...(proof && { 'proof-of-work': typeof proof === 'string' ? proof : `${proof.challenge}.${proof.solution}` }),
      },
    });

  for (const path of ['/auth/login', '/auth/token']) {
    test(`POST ${path} takes the proof in a header field, and says what to do without one`, () =>
      withScene(
        async (s) => {
          const { email, password } = await newAccount(s);
          for (let i = 0; i < 3; i++) refused(await sendForm(s, path, email, 'wrong'), 401, 'invalid_credentials');
          const asked = await sendForm(s, path, email, password);
          const puzzle = puzzleOf(asked);
          assert.match(asked.json<Problem>().detail ?? '', /a device .* signed in before, or set a new password/);
          puzzleOf(await sendForm(s, path, email, password, fail(puzzle)));
          for (const odd of ['no dot', '.', `${puzzle.challenge}.`, `${'A'.repeat(200)}.1`, `${puzzle.challenge}.ä`]) {
            refused(await sendForm(s, path, email, password, odd), 400, 'validation_failed');
          }
          const solution = solve(puzzle);
          ok(await sendForm(s, path, email, password, solution), 200);
          puzzleOf(await sendForm(s, path, email, password, solution));
        },
        { env: ON },
      ));
  }

  test('JSON may carry it there, too; what the body says goes first', () =>
    withScene(
      async (s) => {
        const { email: login, password } = await newAccount(s);
        for (let i = 0; i < 3; i++) await guess(s.client, login);
        const send = async (inBody: object) => {
          const { challenge, solution } = solve(puzzleOf(await guess(s.client, login)));
          const headers = { 'x-forwarded-for': newAddress(), 'proof-of-work': `${challenge}.${solution}` };
          return s.client.send('POST', '/auth/login', { body: { login, password, ...inBody }, headers });
        };
        ok(await send({}), 200);
        puzzleOf(await send({ proof: { challenge: 'A', solution: 'A' } }));
      },
      { env: ON },
    ));

  /** Swagger UI as a browser has it: what it was configured with, and nothing of this process. */
  async function openDocs(s: Scene) {
    const script = await s.app.http.inject('/docs/static/swagger-initializer.js');
    let configured: unknown;
    const SwaggerUIBundle = (config: unknown) => {
      configured = config;
      return { initOAuth: () => {} };
    };
    const sent: (string | undefined)[] = [];
    const window: { location: { href: string }; onload?(): void } = {
      location: { href: 'http://localhost:8000/docs' },
    };
    const context = createContext({
      window,
      crypto,
      TextEncoder,
      SwaggerUIStandalonePreset: {},
      document: { createElement: () => ({}), querySelector: () => ({ appendChild: () => {} }) },
      SwaggerUIBundle: Object.assign(SwaggerUIBundle, { presets: {}, plugins: {} }),
      async fetch(url: string, { method, headers, body }: { method: 'POST'; headers: Headers; body: string }) {
        sent.push(headers['Proof-Of-Work']);
        const answer = await s.app.http.inject({ url, method, headers, payload: body });
        return new Response(answer.body, { status: answer.statusCode });
      },
    });
    runInContext(script.body, context);
    window.onload?.();
    const { requestInterceptor } = configured as {
      requestInterceptor<T>(request: T): T & { userFetch(url: string, request: T): Promise<Response> };
    };
    return { requestInterceptor, sent };
  }

  type Headers = Record<string, string>;

  test("Swagger UI's Authorize solves what is asked for, and sends again; wrong is wrong", () =>
    withScene(
      async (s) => {
        const { email, password } = await newAccount(s);
        for (let i = 0; i < 3; i++) await guess(s.client, email);
        const { requestInterceptor, sent } = await openDocs(s);
        const authorize = async (username: string, secret: string) => {
          const body = new URLSearchParams({ grant_type: 'password', username, password: secret }).toString();
          const request = { method: 'POST', headers: { ...FORM, 'X-Forwarded-For': newAddress() }, body };
          const { userFetch } = requestInterceptor(request);
          return userFetch('/api/v1/auth/token', request);
        };
        const answer = await authorize(email, password);
        assert.equal(answer.status, 200);
        assert.equal(((await answer.json()) as { token_type: string }).token_type, 'Bearer');
        assert.deepEqual(
          sent.map((proof) => typeof proof),
          ['undefined', 'string'],
        );
        assert.equal((await authorize(email, 'wrong')).status, 401);
        assert.equal((await authorize('somebody.else@example.com', 'wrong')).status, 401);
        assert.equal(sent.length, 5, 'nothing is solved that was not asked for');
      },
      { env: { ...ON, DOCS: 'on' } },
    ));
});

describe('with PROOF_OF_WORK=on', () => {
  const proving = (run: (s: Scene) => Promise<void>) => withScene(run, { env: ON });

  test('three tries at an account are free, then each needs a proof; it serves once', () =>
    proving(async (s) => {
      const { email: login, password } = await newAccount(s);
      for (let i = 0; i < 3; i++) refused(await guess(s.client, login), 401, 'invalid_credentials');
      const puzzle = puzzleOf(await guess(s.client, login));
      assert.equal(puzzle.bits, 16);
      assert.equal(puzzle.expiresIn, 300);
      puzzleOf(await guess(s.client, login, { more: { proof: fail(puzzle) } }));
      puzzleOf(await guess(s.client, login, { more: { proof: solve({ ...puzzle, bits: 8 }) } }));
      const more = { proof: solve(puzzle) };
      refused(await guess(s.client, login, { more }), 401, 'invalid_credentials');
      const again = puzzleOf(await logIn(s.client, { login, password, from: newAddress(), more }));
      ok(await logIn(s.client, { login, password, from: newAddress(), more: { proof: solve(again) } }), 200);
    }));

  test('work buys no more tries at one account than there are without', () =>
    proving(async (s) => {
      const { email: login } = await newAccount(s);
      let evaluated = 0;
      for (let minute = 0; minute < 60; minute++) {
        for (let i = 0; i < 2 + 4 * Number(minute === 0); i++) {
          let answer = await guess(s.client, login);
          if (answer.statusCode === 403)
            answer = await guess(s.client, login, { more: { proof: solve(puzzleOf(answer)) } });
          evaluated += Number(answer.statusCode === 401);
        }
        s.time.forward(MINUTE);
      }
      assert.equal(evaluated, 10);
    }));

  test('one solution that fifty bring at once lets one in', () =>
    proving(async (s) => {
      const { email: login } = await newAccount(s);
      for (let i = 0; i < 3; i++) await guess(s.client, login);
      const more = { proof: solve(puzzleOf(await guess(s.client, login))) };
      const answers = await atOnce(50, () => guess(s.client, login, { more }));
      assert.deepEqual(tally(answers), { '401 invalid_credentials': 1, '403 proof_required': 49 });
    }));

  test('it grows with the accounts at which a client failed, and replaces its wait', () =>
    proving(async (s) => {
      const from = newAddress();
      for (let i = 0; i < 10; i++) await guess(s.client, `nobody${i}@example.com`, { from });
      const bits: number[] = [];
      for (let i = 10; i < 21; i++) {
        const login = `nobody${i}@example.com`;
        const puzzle = puzzleOf(await guess(s.client, login, { from }));
        bits.push(puzzle.bits);
        refused(await guess(s.client, login, { from, more: { proof: solve(puzzle) } }), 401, 'invalid_credentials');
      }
      assert.deepEqual(bits, [...Array(10).fill(17), 18]);
    }));

  test('a sprayed password, and all during an attack, need a proof; a known device does not', () =>
    proving(async (s) => {
      const { email: login, password } = await newAccount(s);
      const kept = keptOf(await logIn(s.client, { login, password, from: newAddress() }));
      await spray(s, password, 10);
      puzzleOf(await logIn(s.client, { login, password, from: newAddress() }));
      ok(await logIn(s.client, { login, password, from: newAddress(), kept }), 200);
      const calm = await newAccount(s, { password: 'feeds the cat at eight' });
      ok(await logIn(s.client, { login: calm.email, password: calm.password, from: newAddress() }), 200);
      await attack(s, 100);
      await pause();
      const asked = { login: calm.email, password: calm.password, from: newAddress() };
      const proof = solve(puzzleOf(await logIn(s.client, asked)));
      ok(await logIn(s.client, { ...asked, more: { proof } }), 200);
      ok(await logIn(s.client, { login, password, from: newAddress(), kept }), 200);
    }));
});
