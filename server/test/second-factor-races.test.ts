import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SECOND } from '../src/platform/clock.ts';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { addAuthenticator, appCode, type BegunTotp } from './authenticator.ts';
import { createClient, ok, type Person, type SignedInBody } from './client.ts';
import { testDatabases } from './databases.ts';
import { LIMITED, newAddress } from './guessers.ts';
import { atOnce, type Client, refused, somebody, tally } from './scenario.ts';
import { everything, withWatchedScene } from './watched-app.ts';

const CALLERS = 50;
/** More where it is worth the time. */
const ROUNDS = Number(process.env.RACE_ROUNDS || 1);
const SECRET = 'the first secret of thirty-two bytes!';
const NEXT_SECRET = 'another secret of thirty-two bytes!!!';

async function flowOf(client: Client, { email, password }: Person): Promise<string> {
  const headers = { 'x-forwarded-for': newAddress() };
  const body = { login: email, password, tokenTransport: 'body' };
  const { flowToken = '' } = refused(await client.send('POST', '/auth/login', { body, headers }), 403, 'step_required');
  return flowToken;
}

const complete = (client: Client, body: object) =>
  client.send('POST', '/auth/complete-step', {
    body: { tokenTransport: 'body', ...body },
    headers: { 'x-forwarded-for': newAddress() },
  });

for (const { name, freshUrl } of testDatabases()) {
  describe(`second factors on two instances (${name})`, () => {
    const opened: TestApp[] = [];
    let clients: Client[] = [];
    let url = '';
    let dataDir = '';
    let drop = async () => {};
    const time = standingClock();
    const here = () => clients[0] ?? assert.fail();
    const anyOf = (n: number) => clients[n % 2] ?? assert.fail();

    async function open(env: Record<string, string>) {
      const t = await openTestApp({ databaseUrl: url, dataDir, time, env });
      opened.push(t);
      return t;
    }

    before(async () => {
      ({ url, drop } = await freshUrl());
      dataDir = await mkdtemp(join(tmpdir(), 'ostiary-factors-'));
      clients = [await open({ SECRET_KEY: SECRET }), await open({ SECRET_KEY: SECRET })].map((t) => createClient(t));
    });
    after(async () => {
      for (const { close } of opened) await close();
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    });

    async function holder() {
      const person = somebody();
      const { accessToken: token, user } = await here().register(person);
      const app = await addAuthenticator({ client: here(), time }, token);
      time.forward(60 * SECOND);
      return { person, token, user, app };
    }

    async function race(person: Person, inputOf: (caller: number) => object) {
      const flows = await atOnce(CALLERS, (n) => flowOf(anyOf(n), person));
      return atOnce(CALLERS, (n) => complete(anyOf(n), { flowToken: flows[n], ...inputOf(n) }));
    }

    test(`${CALLERS} sign-ins with one code: one session`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { person, app } = await holder();
        const answers = await race(person, () => ({ code: app.code() }));
        assert.deepEqual(tally(answers), { 200: 1, '400 code_invalid': CALLERS - 1 });
      }
    });

    test(`${CALLERS} sign-ins with the three codes of a moment: none twice, and none after a later one`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { person, app } = await holder();
        const answers = await race(person, (n) => ({ code: app.code((n % 3) - 1) }));
        const steps = answers.flatMap(({ statusCode }, n) => (statusCode === 200 ? [n % 3] : []));
        assert.equal(new Set(steps).size, steps.length, 'no code twice');
        assert.ok(steps.includes(2), 'the last one always counts');
        refused(
          await complete(here(), { flowToken: await flowOf(here(), person), code: app.code(1) }),
          400,
          'code_invalid',
        );
      }
    });

    test(`${CALLERS} sign-ins with one code in all spellings: one session`, async () => {
      const { person, app } = await holder();
      const code = app.code();
      const spellings = [
        code,
        ` ${code} `,
        `${code.slice(0, 3)} ${code.slice(3)}`,
        `${code.slice(0, 3)}-${code.slice(3)}`,
      ];
      const answers = await race(person, (n) => ({ code: spellings[n % spellings.length] }));
      assert.deepEqual(tally(answers), { 200: 1, '400 code_invalid': CALLERS - 1 });
    });

    test(`${CALLERS} sign-ins with one recovery code: one session`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { person, app } = await holder();
        const answers = await race(person, () => ({ recoveryCode: app.recoveryCodes[0] }));
        assert.deepEqual(tally(answers), { 200: 1, '400 code_invalid': CALLERS - 1 });
      }
    });

    test(`${CALLERS} last steps of one flow, with the right codes of the app and of the list: one session`, async () => {
      const { person, app, user } = await holder();
      const flowToken = await flowOf(here(), person);
      const answers = await atOnce(CALLERS, (n) =>
        complete(anyOf(n), {
          flowToken,
          ...(n % 2 ? { code: app.code((n % 3) - 1) } : { recoveryCode: app.recoveryCodes[n % 10] }),
        }),
      );
      assert.equal(tally(answers)['200'], 1);
      const open = await (opened[0] as TestApp).app.storage.sessions.listLatest(user.id, 100);
      // One is of the registration.
      assert.equal(open.length, 2);
    });

    test(`${CALLERS} confirmations of one enrolment add one app, and six enrolments no more than five`, async () => {
      const person = somebody();
      const { accessToken: token, user } = await here().register(person);
      const begin = async () => ok<BegunTotp>(await here().send('POST', '/users/me/factors/totp', { token }), 200);
      const confirm = (n: number, { enrollToken, secret }: BegunTotp) => {
        const body = { enrollToken, code: appCode(secret, time.now) };
        return anyOf(n).send('POST', '/users/me/factors/totp/confirm', { token, body });
      };
      const begun = await begin();
      const answers = await atOnce(CALLERS, (n) => confirm(n, begun));
      assert.deepEqual(tally(answers), { 201: 1, '400 token_invalid': CALLERS - 1 });
      // The session proved the app: the other instance learns of it within a second.
      for (const t of opened) await t.app.pollEvictions();
      const more = await Promise.all(Array.from({ length: 6 }, begin));
      const added = await Promise.all(more.map((one, n) => confirm(n, one)));
      assert.deepEqual(tally(added), { 201: 4, '409 factor_limit': 2 });
      const record = await (opened[0] as TestApp).app.storage.factors.find(user.id);
      assert.equal(record?.totp.length, 5);
      assert.equal(record?.recovery?.hashes.length, 10);
    });

    test('the sixth wrong code waits, over both names, two flows and two instances', async () => {
      const limited = [await open({ ...LIMITED, SECRET_KEY: SECRET }), await open({ ...LIMITED, SECRET_KEY: SECRET })];
      const both = limited.map((t) => createClient(t));
      const person = somebody();
      const { accessToken: token } = await here().register(person);
      const app = await addAuthenticator({ client: here(), time }, token);
      time.forward(60 * SECOND);
      const wrong = String((Number(app.code()) + 500_000) % 1_000_000).padStart(6, '0');
      const statuses: number[] = [];
      for (let n = 0; n < 7; n++) {
        const client = both[n % 2] ?? assert.fail();
        const flowToken = await flowOf(client, { ...person, email: n % 2 ? person.email : person.username });
        statuses.push((await complete(client, { flowToken, code: n < 6 ? wrong : app.code() })).statusCode);
      }
      assert.deepEqual(statuses, [400, 400, 400, 400, 400, 429, 429]);
      for (const t of limited) {
        opened.splice(opened.indexOf(t), 1);
        await t.close();
      }
    });

    test('after a change of SECRET_KEY, the secrets are sealed anew, and the former key can be forgotten', async () => {
      const { person, app, user } = await holder();
      for (const { close } of opened.splice(0)) await close();
      const next = await open({ SECRET_KEY: NEXT_SECRET, SECRET_KEY_PREVIOUS: SECRET });
      const client = createClient(next);
      ok(await complete(client, { flowToken: await flowOf(client, person), code: app.code() }), 200);
      const sealed = async () => (await next.app.storage.factors.find(user.id))?.totp[0]?.sealedSecret;
      const former = await sealed();
      await next.app.jobs.enqueue('factors.reseal', {});
      await next.work();
      assert.notEqual(await sealed(), former);
      await next.close();
      opened.length = 0;
      const last = createClient(await open({ SECRET_KEY: NEXT_SECRET }));
      time.forward(60 * SECOND);
      ok(await complete(last, { flowToken: await flowOf(last, person), code: app.code() }), 200);
      ok(await complete(last, { flowToken: await flowOf(last, person), recoveryCode: app.recoveryCodes[9] }), 200);
    });
  });
}

test('neither the database nor the log holds a secret, a code or what is made of them', () =>
  withWatchedScene(async (s) => {
    const person = somebody();
    const { accessToken: token } = await s.client.register(person);
    const app = await addAuthenticator(s, token);
    s.time.forward(30 * SECOND);
    const flowToken = await flowOf(s.client, person);
    const codes = [app.code(-1), app.code(), app.code(1)];
    refused(await complete(s.client, { flowToken, code: '000000' }), 400, 'code_invalid');
    refused(await complete(s.client, { flowToken, recoveryCode: '7K2M-9XD4-RTAH-3WZ0' }), 400, 'code_invalid');
    ok<SignedInBody>(await complete(s.client, { flowToken, code: app.code() }), 200);
    const other = await flowOf(s.client, person);
    ok(await complete(s.client, { flowToken: other, recoveryCode: app.recoveryCodes[0] }), 200);
    await s.work();
    const tables = await everything(s.database);
    assert.ok((tables.factors?.length ?? 0) > 0 && (tables.factor_totp?.length ?? 0) > 0);
    const all = JSON.stringify(tables) + s.log.join('\n');
    const raw = Buffer.from(app.secret);
    const hex = raw.toString('hex');
    for (const secret of [app.secret, hex, flowToken, other, ...app.recoveryCodes]) {
      assert.ok(!all.includes(secret), secret);
      assert.ok(!all.includes(secret.replaceAll('-', '')), secret);
    }
    for (const code of codes) assert.ok(!new RegExp(`"${code}"`).test(all), code);
  }));
