import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { challengeIn } from '../src/modules/email-sign-in/secrets.ts';
import { openTestApp, type TestApp } from './app.ts';
import { createClient, ok, type SignedInBody } from './client.ts';
import { type FreshDatabase, testDatabases } from './databases.ts';
import { BY_LINK, begin, makeAccount, verify, wrong } from './mail-sign-in.ts';
import { atOnce, epochsOf, type Scene, somebody, tally } from './scenario.ts';
import { until } from './until.ts';

const CALLERS = 50;
/** `email-sign-in-races.long.test.ts` takes more. */
const ROUNDS = Number(process.env.RACE_ROUNDS || 1);

for (const { name, freshUrl } of testDatabases()) {
  describe(`races of sign-ins by mail on ${name}: ${CALLERS} callers at two instances, rounds: ${ROUNDS}`, () => {
    let database: FreshDatabase;
    let dataDir: string;
    const opened: TestApp[] = [];
    let instances: Scene[];

    before(async () => {
      database = await freshUrl();
      dataDir = await mkdtemp(join(tmpdir(), 'ostiary-mail-races-'));
      for (const time of [undefined, () => opened[0]?.time]) {
        const shared = time === undefined ? {} : { time: time() ?? assert.fail() };
        opened.push(
          await openTestApp({
            databaseUrl: database.url,
            dataDir,
            env: { ...BY_LINK, EMAIL_VERIFICATION: 'off' },
            ...shared,
          }),
        );
      }
      const { close, url: databaseUrl } = { close: async () => {}, ...database };
      instances = opened.map((t) => ({ ...t, close, databaseUrl, client: createClient(t) }));
    });
    after(async () => {
      await Promise.all(opened.map((t) => t.close()));
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    });

    const first = () => instances[0] ?? assert.fail();
    const at = (index: number) => instances[index % 2] ?? assert.fail();

    /** All at once, at both instances; the sessions that came of it. */
    async function race(proofs: (index: number) => Parameters<typeof verify>[1], email: string) {
      const answers = await atOnce(CALLERS, (index) => verify(at(index), proofs(index)));
      const user = (await first().app.storage.users.findByEmail(email)) ?? assert.fail();
      const sessions = await first().app.storage.sessions.listLatest(user.id, CALLERS);
      return { answers, user, sessions, tally: tally(answers) };
    }
    const wins = (counts: Record<string, number>) => counts['200'] ?? 0;

    test('one code (three are tried at all), one link, and code and link together: one session', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        for (const kind of ['code', 'link', 'both']) {
          const { email } = await makeAccount(first());
          const { flowToken, code, token } = await begin(first(), email);
          const isCode = (index: number) => kind === 'code' || (kind === 'both' && index % 3 === 0);
          const proofs = (index: number) => ({ flowToken, ...(isCode(index) ? { code } : { token }) });
          const result = await race(proofs, email);
          assert.deepEqual(result.tally, { '200': 1, '400 code_invalid': CALLERS - 1 }, kind);
          assert.equal(result.sessions.length, 1, kind);
          for (const proof of [{ code }, { token }]) {
            assert.equal((await verify(first(), { flowToken, ...proof })).statusCode, 400);
          }
        }
      }
    });

    test('an address without an account: one account, one session', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { email } = somebody();
        const { flowToken, token } = await begin(first(), email);
        const { tally: counts, sessions, user } = await race(() => ({ flowToken, token }), email);
        assert.deepEqual(counts, { '200': 1, '400 code_invalid': CALLERS - 1 });
        assert.equal(sessions.length, 1);
        const welcome = await until(`a welcome to ${email}`, async () => {
          const mails = (await first().mailsTo(email)).filter(({ subject }) => subject === 'Welcome');
          return mails.length > 0 ? mails : null;
        });
        assert.deepEqual([welcome.length, user.passwordHash], [1, null]);
      }
    });

    test('the claim of an account: one, by one session, and nothing of before lives', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const squatter = somebody();
        const registered = await first().client.send('POST', '/auth/register', {
          body: { ...squatter, tokenTransport: 'body' },
        });
        const made = ok<SignedInBody>(registered, 201);
        const before = await epochsOf(first(), made.user.id);
        const { flowToken, token } = await begin(first(), squatter.email);
        const { tally: counts, sessions, user } = await race(() => ({ flowToken, token }), squatter.email);
        assert.deepEqual(counts, { '200': 1, '400 code_invalid': CALLERS - 1 });
        const live = sessions.filter(({ epoch }) => epoch === user.sessionEpoch);
        assert.deepEqual([live.length, sessions.length], [1, 2]);
        const { sessionEpoch, grantEpoch, credentialEpoch } = before;
        assert.deepEqual(await epochsOf(first(), user.id), {
          sessionEpoch: sessionEpoch + 1,
          grantEpoch: grantEpoch + 1,
          credentialEpoch: credentialEpoch + 1,
        });
        assert.deepEqual([user.passwordHash, user.emailVerified], [null, true]);
        const history = await first().app.storage.events.listForTarget(`user:${user.id}`);
        assert.equal(history.filter(({ type }) => type === 'user.claimed').length, 1);
      }
    });

    test('wrong codes at once: three are compared, over both instances, and the right one comes too late', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { email } = await makeAccount(first());
        const { flowToken, code, token } = await begin(first(), email);
        const { tally: counts } = await race((index) => ({ flowToken, code: wrong(code, index + 1) }), email);
        assert.equal(wins(counts), 0);
        const challenge = await first().app.storage.challenges.find(challengeIn(token) ?? '');
        assert.equal(challenge?.tries, 3);
        assert.equal((await verify(first(), { flowToken, code })).statusCode, 400);
      }
    });
  });
}
