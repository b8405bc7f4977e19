import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { DAY, MINUTE, SECOND } from '../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import type { JobRecord } from '../src/platform/queue/queue.ts';
import { CHROME, codeIn, ok, type Person, type SignedInBody, tokenIn } from './client.ts';
import { testDatabases } from './databases.ts';
import { openGate } from './gate.ts';
import { createWorld, signIn } from './matrix/world.ts';
import { refused, type Scene, type SceneOptions, somebody, withScene } from './scenario.ts';
import { everything, withWatchedScene } from './watched-app.ts';

const PUBLIC_URL = 'https://login.shop.example';
const SMTP_PASSWORD = 'Xk7-mail-server-secret';

interface Letter {
  to: string;
  from: string;
  id: string;
  mail: Email;
}

/** What an SMTP server does with a mail: take it, ask to come back, hang up in its middle, or take it and hang up before it says so. */
type Manner = 'takes' | 'later' | 'hangs up' | 'takes and hangs up';

/** An SMTP server that keeps what it takes, and can be away. */
async function openPostOffice() {
  const office = {
    manner: 'takes' as Manner,
    /** Addresses that it refuses for good. */
    unknown: new Set<string>(),
    taken: [] as Letter[],
    /** Message-IDs of what it did not take. */
    turnedAway: [] as string[],
  };
  const hangUp = (id: string) => {
    for (const connection of server.connections) if (connection.session?.id === id) connection._socket.destroy();
  };
  const server = new SMTPServer({
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 50,
    logger: false,
    onAuth: ({ username, password }, _session, callback) =>
      password === SMTP_PASSWORD ? callback(null, { user: username }) : callback(new Error('no')),
    onRcptTo({ address }, _session, callback) {
      const refusal = new Error(`5.1.1 <${address}>: no such mailbox`);
      callback(office.unknown.has(address) ? Object.assign(refusal, { responseCode: 550 }) : null);
    },
    async onData(stream, { id, envelope }, callback) {
      if (office.manner === 'hangs up') return hangUp(id);
      // A sender that stops breaks off.
      const raw = await buffer(stream).catch(() => null);
      if (raw === null) return;
      const mail = await PostalMime.parse(raw);
      const to = envelope.rcptTo.map(({ address }) => address).join();
      const from = envelope.mailFrom ? envelope.mailFrom.address : '';
      if (office.manner === 'later') {
        office.turnedAway.push(String(mail.messageId));
        const busy = new Error(`4.2.0 <${to}>: come back later; the mail said ${mail.text}`);
        return callback(Object.assign(busy, { responseCode: 451 }));
      }
      office.taken.push({ to, from, id: String(mail.messageId), mail });
      if (office.manner === 'takes') callback();
      else hangUp(id);
    },
  });
  server.on('error', () => {});
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const gate = await openGate(`smtp://mailer:${SMTP_PASSWORD}@127.0.0.1:${port}`);
  const close = async () => {
    await gate.shut();
    await new Promise<void>((resolve) => server.close(resolve));
  };
  return { office, gate, close };
}

type PostOffice = Awaited<ReturnType<typeof openPostOffice>>;
type SceneKind<S> = (run: (s: S) => Promise<void>, options: SceneOptions) => Promise<void>;

/** A scene whose server sends its mails to a post office; whoever registers reads theirs there. */
async function withPostOffice<S extends Scene>(
  scene: SceneKind<S>,
  run: (s: S, post: PostOffice) => Promise<void>,
  { freshUrl, env = {} }: SceneOptions = {},
): Promise<void> {
  const post = await openPostOffice();
  const mail = { SMTP_URL: post.gate.url, MAIL_FROM: 'The Shop <accounts@shop.example>', PUBLIC_URL };
  try {
    await scene((s) => run(s, post), { freshUrl, env: { ...mail, ...env } });
  } finally {
    await post.close();
  }
}

/** The subjects of the mails, in English and in Chinese. */
const SUBJECTS = {
  code: ['Your verification code', '您的验证码'],
  known: ['You already have an account', '您已有账号'],
  welcome: ['Welcome', '欢迎加入'],
  reset: ['Reset your password', '重置您的密码'],
  invitation: ['You are invited', '邀请您加入'],
  newAddressCode: ['Confirm your new e-mail address', '请确认您的新邮箱地址'],
  addressTaken: ['This e-mail address already has an account', '此邮箱地址已有账号'],
  addressLeft: ['Your e-mail address was changed', '您的邮箱地址已更改'],
  addressNew: ['This is your new e-mail address', '这是您的新邮箱地址'],
  passwordChanged: ['Your password was changed', '您的密码已更改'],
  newDevice: ['A new sign-in to your account', '您的账号有新的登录'],
  blocked: ['Somebody is trying to sign in to your account', '有人正在尝试登录您的账号'],
  sessionKilled: ['We ended one of your sessions', '我们结束了您的一个会话'],
  deleted: ['Your account was deleted', '您的账号已删除'],
} satisfies Record<string, [en: string, zh: string]>;
type Kind = keyof typeof SUBJECTS;
const WITH_LINK: readonly Kind[] = ['known', 'welcome', 'reset', 'invitation'];

const LANGUAGES = [
  [undefined, 'en-GB', 0],
  ['zh-CN', 'zh-CN', 1],
] as const;

/** What is true of every mail, whoever asked for it and under whatever name. */
function checkLetter({ from, id, mail }: Letter, kind: Kind, language: string): void {
  assert.equal(from, 'accounts@shop.example');
  assert.deepEqual([mail.from?.name, mail.from?.address], ['The Shop', 'accounts@shop.example']);
  assert.match(id, /^<[0-9a-f]{40}@shop\.example>$/);
  assert.equal(mail.headers.find(({ key }) => key === 'auto-submitted')?.value, 'auto-generated');
  const [text = '', html = ''] = [mail.text, mail.html];
  assert.ok(text.trim().length > 50 && html.includes(`<html lang="${language}">`), kind);
  for (const part of [text, html]) {
    assert.doesNotMatch(part, /evil|undefined|null/);
    const links = part.match(/[a-z]+:\/\/[^\s"<]+/g) ?? [];
    assert.equal(links.length > 0, WITH_LINK.includes(kind), `${kind}: ${part}`);
    for (const link of links) assert.ok(link === PUBLIC_URL || link.startsWith(`${PUBLIC_URL}/`), link);
  }
}

const FORGED = {
  host: 'evil.example',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'http',
  forwarded: 'host=evil.example',
  origin: 'https://evil.example',
};

for (const [locale, language, column] of LANGUAGES) {
  test(`every mail comes from its cause, once, in ${language}, with links from PUBLIC_URL whatever the request says`, () =>
    withPostOffice(withScene, async (s, { office }) => {
      const { root } = await createWorld(s);
      await s.work();
      const spoken = locale === undefined ? {} : { locale };
      type Options = NonNullable<Parameters<typeof s.client.send>[2]>;
      const send = (method: 'POST' | 'DELETE', path: string, { headers, ...rest }: Options = {}) =>
        s.client.send(method, path, { ...rest, headers: { ...FORGED, ...headers } });
      const post = <T>(path: string, body: object, status: number, more: Options = {}) =>
        send('POST', path, { ...more, body }).then((answer) => ok<T>(answer, status));

      /** The mails that something caused must be these, in any order; answers their texts in the order in which they are named. */
      async function caused(...expected: [to: string, kind: Kind][]): Promise<string[]> {
        await s.work();
        const got = office.taken.splice(0);
        const subjectOf = (kind: Kind) => SUBJECTS[kind][column];
        const sorted = (list: string[]) => list.sort().join('\n');
        assert.equal(
          sorted(got.map(({ to, mail }) => `${to}: ${mail.subject}`)),
          sorted(expected.map(([to, kind]) => `${to}: ${subjectOf(kind)}`)),
        );
        return expected.map(([to, kind]) => {
          const letter = got.find((one) => one.to === to && one.mail.subject === subjectOf(kind)) ?? assert.fail();
          checkLetter(letter, kind, language);
          return letter.mail.text ?? '';
        });
      }

      const person = somebody();
      const { email, password } = person;
      const asked = await post<{ registrationId: string }>('/auth/register', { ...person, ...spoken }, 202);
      const { registrationId } = asked;
      await caused([email, 'code']);
      s.time.forward(2 * MINUTE);
      await post('/auth/resend-verification', { registrationId }, 202);
      const [code] = await caused([email, 'code']);
      const verify = { registrationId, code: codeIn(code), tokenTransport: 'body' };
      await post('/auth/verify-email', verify, 200);
      await caused([email, 'welcome']);

      await post('/auth/register', { email, password: 'not the password' }, 202);
      await caused([email, 'known']);

      await post('/auth/request-password-reset', { email }, 202);
      const [link] = await caused([email, 'reset']);
      const chosen = 'feeds the cat at eight';
      await post('/auth/reset-password', { token: tokenIn(link), newPassword: chosen }, 204);
      await caused([email, 'passwordChanged']);

      const login = { login: email, password: chosen, tokenTransport: 'body' };
      await post('/auth/login', login, 200);
      await caused();
      const chrome = { headers: { 'user-agent': CHROME } };
      const { accessToken, refreshToken } = await post<SignedInBody>('/auth/login', login, 200, chrome);
      await caused([email, 'newDevice']);

      const last = 'paints the fence at nine';
      const change = { currentPassword: chosen, newPassword: last };
      await post('/auth/change-password', change, 204, { token: accessToken, ...chrome });
      await caused([email, 'passwordChanged']);

      const moved = `moved.${email}`;
      const withToken = { token: accessToken, ...chrome };
      await post('/users/me/email', { newEmail: moved }, 202, withToken);
      const [moving] = await caused([moved, 'newAddressCode']);
      await post('/users/me/email/confirm', { code: codeIn(moving) }, 200, withToken);
      const [toOld] = await caused([email, 'addressLeft'], [moved, 'addressNew']);
      assert.ok(!toOld?.includes(moved), 'the old mailbox may be somebody else’s by now');

      const invited = somebody().email;
      await post('/admin/users', { email: invited, ...spoken }, 201, { token: root });
      const [invitation] = await caused([invited, 'invitation']);
      const accepted = { token: tokenIn(invitation), password, tokenTransport: 'body' };
      const { user } = await post<SignedInBody>('/auth/accept-invitation', accepted, 200);
      await caused();
      await post('/users/me/email', { newEmail: invited }, 202, withToken);
      await caused([invited, 'addressTaken']);
      const temporary = { temporaryPassword: 'a password for one day' };
      await post(`/admin/users/${user.id}/temporary-password`, temporary, 204, { token: root });
      await caused([invited, 'passwordChanged']);

      const { headers } = chrome;
      const sameSite = { headers: { ...headers, origin: PUBLIC_URL } };
      const second = await post<SignedInBody>('/auth/refresh', { refreshToken }, 200, sameSite);
      await post('/auth/refresh', { refreshToken: second.refreshToken }, 200, sameSite);
      await caused();
      ok(await send('POST', '/auth/refresh', { body: { refreshToken }, ...sameSite }), 401);
      await caused([moved, 'sessionKilled']);

      const again = await post<SignedInBody>('/auth/login', { ...login, login: moved, password: last }, 200, chrome);
      await caused();
      ok(await send('DELETE', '/users/me', { token: again.accessToken, ...chrome }), 204);
      await caused([moved, 'deleted']);
      s.time.forward(DAY);
      await caused();
    }));

  test(`who is held back after five wrong passwords: the owner is told, once a day, in ${language}`, () =>
    withPostOffice(
      withScene,
      async (s, { office }) => {
        const told = (to: string) => office.taken.filter((one) => one.to === to);
        const signUp = async () => {
          const person = somebody();
          const asked = await s.client.send('POST', '/auth/register', {
            body: locale === undefined ? person : { ...person, locale },
          });
          await s.work();
          const code = codeIn(told(person.email)[0]?.mail.text);
          const { registrationId } = ok<{ registrationId: string }>(asked, 202);
          ok(await s.client.send('POST', '/auth/verify-email', { body: { registrationId, code } }), 200);
          await s.work();
          office.taken.length = 0;
          return person;
        };
        const attempt = (login: string) =>
          s.client.send('POST', '/auth/login', { body: { login, password: 'not the password' } });
        const hold = async (login: string) => {
          for (let i = 0; i < 5; i++) refused(await attempt(login), 401, 'invalid_credentials');
          refused(await attempt(login), 429, 'rate_limited');
        };
        /** It follows after the answer. */
        const mailed = async (to: string) => {
          for (let turns = 0; told(to).length === 0 && turns < 500; turns++) {
            await pause(5);
            await s.work();
          }
          return told(to);
        };
        const [person, marker, other] = [await signUp(), await signUp(), await signUp()];
        await hold(person.email);
        const [first, ...more] = await mailed(person.email);
        assert.equal(first?.mail.subject, SUBJECTS.blocked[column]);
        assert.equal(more.length, 0);
        checkLetter(first ?? assert.fail(), 'blocked', language);
        // By their other name, and again; and somebody whom nobody knows. The mail to the next one shows that theirs would be there.
        await hold(person.username);
        refused(await attempt(person.email), 429, 'rate_limited');
        await hold('nobody@example.com');
        await hold(marker.email);
        assert.equal((await mailed(marker.email)).length, 1);
        s.time.forward(DAY);
        // From elsewhere: the first client still has its own limit, which goes by the real clock.
        const elsewhere = { url: '/api/v1/auth/login', method: 'POST', remoteAddress: '203.0.113.9' } as const;
        const payload = { login: person.email, password: 'not the password' };
        refused(await s.app.http.inject({ ...elsewhere, payload }), 401, 'invalid_credentials');
        refused(await s.app.http.inject({ ...elsewhere, payload }), 429, 'rate_limited');
        await hold(other.email);
        assert.equal((await mailed(other.email)).length, 1);
        assert.equal((await mailed(person.email)).length, 2, 'a mail for each day');
      },
      { env: { RATE_LIMITS: 'on', RATE_LIMIT_DEFAULT: '10000/1m' } },
    ));
}

type Known = Required<Person> & { token: string };

/** Four people who have an account and a session. */
async function fourPeople(s: Scene): Promise<Known[]> {
  const people: Known[] = [];
  for (let i = 0; i < 4; i++) {
    const person = somebody();
    await s.app.setup.createUser(SYSTEM_CALLER, { ...person, superadmin: false });
    people.push({ ...person, ...(await signIn(s, person)) });
  }
  await s.work();
  return people;
}

/** Asks for thirty mails of several kinds; answers whose and which they are. */
async function causeThirty(s: Scene, known: Known[]): Promise<string[]> {
  const due: string[] = [];
  const post = async (path: string, body: object, status: number, to: string, kind: Kind, more: object = {}) => {
    ok(await s.client.send('POST', path, { body, ...more }), status);
    due.push(`${to}: ${SUBJECTS[kind][0]}`);
  };
  for (let i = 0; i < 14; i++) {
    const newcomer = somebody();
    await post('/auth/register', newcomer, 202, newcomer.email, 'code');
  }
  for (const { email, password, token } of known) {
    await post('/auth/register', { email, password: 'not the password' }, 202, email, 'known');
    await post('/auth/request-password-reset', { email }, 202, email, 'reset');
    const chrome = { headers: { 'user-agent': CHROME } };
    await post('/auth/login', { login: email, password }, 200, email, 'newDevice', chrome);
    const change = { currentPassword: password, newPassword: 'feeds the cat at eight' };
    await post('/auth/change-password', change, 204, email, 'passwordChanged', { token });
  }
  return due.sort();
}

const sameAs =
  (manner: Manner) =>
  async ({ office }: PostOffice) => {
    office.manner = manner;
  };
const OUTAGES: Record<string, (post: PostOffice) => Promise<void>> = {
  'nobody listens': ({ gate }) => gate.shut(),
  'it asks to come back later': sameAs('later'),
  'it hangs up in the middle of every mail': sameAs('hangs up'),
};

for (const { name, freshUrl } of testDatabases()) {
  describe(`a mail server that fails (${name})`, () => {
    for (const [what, begin] of Object.entries(OUTAGES)) {
      test(`${what}: requests are answered as always, and afterwards each of 30 mails arrives once`, () =>
        withPostOffice(
          withScene,
          async (s, post) => {
            const { office, gate } = post;
            const known = await fourPeople(s);
            await begin(post);
            const due = await causeThirty(s, known);
            assert.equal(due.length, 30);
            for (let turns = 0; turns < 6; turns++) {
              await s.work();
              s.time.forward(10 * SECOND);
            }
            assert.equal(office.taken.length, 0);
            assert.equal((await s.app.queue.status('mail.send')).counts.delayed, 30);
            office.manner = 'takes';
            await gate.open();
            for (const minutes of [2, 2, 60]) {
              s.time.forward(minutes * MINUTE);
              await s.work();
              assert.deepEqual(office.taken.map(({ to, mail }) => `${to}: ${mail.subject}`).sort(), due);
            }
            const ids = new Set(office.taken.map(({ id }) => id));
            assert.equal(ids.size, 30);
            if (what.includes('later')) {
              assert.ok(office.turnedAway.length >= 60, 'each was tried several times');
              assert.deepEqual(new Set(office.turnedAway.sort()), new Set([...ids].sort()), 'under one Message-ID');
            }
            const { counts } = await s.app.queue.status('mail.send');
            assert.deepEqual([counts.waiting, counts.delayed, counts.active, counts.failed], [0, 0, 0, 0]);
          },
          { freshUrl },
        ));
    }

    test('a recipient that is refused for good is a dead letter, which goes out when it is retried', () =>
      withPostOffice(
        withScene,
        async (s, { office }) => {
          const { root } = await createWorld(s);
          const people = [somebody(), somebody(), somebody()];
          const [first, refusedOne, third] = people.map(({ email }) => email);
          office.unknown.add(refusedOne ?? '');
          const ids: string[] = [];
          for (const person of people) {
            const answer = await s.client.send('POST', '/auth/register', { body: person });
            ids.push(ok<{ registrationId: string }>(answer, 202).registrationId);
          }
          for (let turns = 0; turns < 3; turns++) {
            await s.work();
            s.time.forward(MINUTE);
            assert.deepEqual(office.taken.map(({ to }) => to).sort(), [first, third]);
          }
          const list = async (state: string) => {
            const path = `/admin/jobs?queue=mail.send&state=${state}`;
            return ok<{ items: JobRecord[] }>(await s.client.send('GET', path, { token: root }), 200).items;
          };
          const [dead, ...more] = await list('failed');
          assert.equal(more.length, 0);
          assert.equal(dead?.attempts, 1);
          assert.match(dead?.failure?.message ?? '', /refused the mail permanently.*550 5\.1\.1.*no such mailbox/);
          assert.ok(!JSON.stringify(dead).includes(refusedOne ?? ''), 'it outlives an erasure');
          office.unknown.clear();
          ok(await s.client.send('POST', `/admin/jobs/${dead?.id}/retry`, { token: root }), 200);
          await s.work();
          const late = office.taken.filter(({ to }) => to === refusedOne);
          assert.deepEqual([late.length, office.taken.length], [1, 3]);
          assert.deepEqual(await list('failed'), []);
          assert.ok((await list('completed')).some(({ id }) => id === dead?.id));
          const body = { registrationId: ids[1], code: codeIn(late[0]?.mail.text) };
          ok(await s.client.send('POST', '/auth/verify-email', { body }), 200);
        },
        { freshUrl },
      ));

    test('no secret and no address is in a job, no secret in an event or the log, however mails fail', () =>
      withPostOffice(
        withWatchedScene,
        async (s, { office }) => {
          const [holder] = await fourPeople(s);
          assert.ok(holder);
          const newcomers = [somebody({ password: 'Xk7-first-secret-word' }), somebody()];
          const dumps: string[] = [];
          const jobs: string[] = [];
          /** Between any two steps, since what has ended may be forgotten. */
          async function look(): Promise<void> {
            await s.work();
            const all = await everything(s.database);
            jobs.push(JSON.stringify(all.jobs));
            dumps.push(JSON.stringify([all.jobs, all.events]));
          }
          office.manner = 'later';
          office.unknown.add(newcomers[1]?.email ?? '');
          for (const body of newcomers) ok(await s.client.send('POST', '/auth/register', { body }), 202);
          ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email: holder.email } }), 202);
          const body = { newEmail: 'moved.away@example.org' };
          ok(await s.client.send('POST', '/users/me/email', { body, token: holder.token }), 202);
          await look();
          assert.ok(office.turnedAway.length >= 3);
          office.manner = 'takes';
          s.time.forward(MINUTE);
          await look();
          const textTo = (to: string) => office.taken.find((one) => one.to === to)?.mail.text ?? assert.fail(to);
          const codes = [codeIn(textTo(newcomers[0]?.email ?? '')), codeIn(textTo(body.newEmail))];
          const token = tokenIn(textTo(holder.email));
          const chosen = 'Xk7-second-secret-word';
          ok(await s.client.send('POST', '/auth/reset-password', { body: { token, newPassword: chosen } }), 204);
          await look();
          assert.equal(office.taken.filter(({ to }) => to === holder.email).length, 2);

          assert.match(jobs.join(), /451 4\.2\.0/, 'what the server said is there');
          assert.match(jobs.join(), /550 5\.1\.1/);
          for (const { email } of [holder, ...newcomers])
            assert.ok(!jobs.join().includes(email), 'an address in a job');
          assert.ok(!jobs.join().includes(body.newEmail));
          const log = s.log.join('');
          assert.ok(log.includes('/auth/reset-password'));
          const passwords = [holder, ...newcomers].map(({ password }) => password);
          for (const secret of [...passwords, chosen, token, token.slice(-40), holder.token, SMTP_PASSWORD]) {
            assert.ok(!dumps.join().includes(secret), `kept: ${secret}`);
            assert.ok(!log.includes(secret), `in the log: ${secret}`);
          }
          for (const code of codes) {
            const digits = new RegExp(`(?<![\\w.-])${code}(?![\\w.-])`);
            assert.ok(!digits.test(dumps.join()), `kept: ${code}`);
            assert.ok(!digits.test(log), `in the log: ${code}`);
          }
        },
        { freshUrl },
      ));

    test('parity 5: known and unknown addresses cause the same writes and the same jobs', () =>
      withPostOffice(
        withWatchedScene,
        async (s) => {
          const [known] = await fourPeople(s);
          // What it looks for by itself, once in a while, would be added to what a request takes.
          await s.app.relay.stop();
          /** Everything that a request writes until nothing follows from it any more, and its jobs. */
          async function effort(path: string, body: object) {
            const seen = s.log.length;
            const before = new Set((await listJobs()).map(({ id }) => id));
            const answer = await s.client.send('POST', path, { body });
            await s.work();
            const jobs = (await listJobs()).filter(({ id }) => !before.has(id));
            const shapes = jobs.map(({ name: queue, state, attempts, retries, priority, args }) => {
              return { queue, state, attempts, retries, priority, args: Object.keys(args as object).sort() };
            });
            const { registrationId } = answer.json<{ registrationId?: string }>();
            return { registrationId, cost: { status: answer.statusCode, shapes, writes: writesIn(s.log.slice(seen)) } };
          }
          const listJobs = () => s.app.queue.list({ name: 'mail.send' }, { skip: 0, limit: 1000 });
          const password = 'not the password';
          const emails = [known?.email, 'nobody@example.com'];
          const registered = [];
          for (const email of emails) registered.push(await effort('/auth/register', { email, password }));
          s.time.forward(2 * MINUTE);
          const resent = [];
          for (const { registrationId } of registered) {
            resent.push(await effort('/auth/resend-verification', { registrationId }));
          }
          const reset = [];
          for (const email of emails) reset.push(await effort('/auth/request-password-reset', { email }));
          for (const [one, other] of [registered, resent, reset]) {
            assert.deepEqual(one?.cost, other?.cost);
            assert.equal(one?.cost.status, 202);
            assert.equal(one?.cost.shapes.length, 1);
            assert.ok((one?.cost.writes.length ?? 0) >= 2, String(one?.cost.writes));
          }
        },
        { freshUrl },
      ));
  });
}

/** What was written, by the log of the statements. The queue and its workers look around on their own, and are left out. */
function writesIn(log: string[]): string[] {
  const writes: string[] = [];
  for (const line of log) {
    const { sql: statement, command, collection } = JSON.parse(line) as Record<string, string | undefined>;
    const [, verb, table] = /^(insert|update|delete)\b(?: into| from)? ["`]?(\w+)/.exec(statement ?? '') ?? [];
    const isWrite = ['insert', 'update', 'delete', 'findAndModify'].includes(command ?? '');
    const write = isWrite ? `${command} ${collection}` : verb && `${verb} ${table}`;
    if (write && !/ (jobs|queues|workers|schedules)$/.test(write)) writes.push(write);
  }
  return writes.sort();
}

test('a mail that was taken, but whose sender was not told, comes again under the same Message-ID', () =>
  withPostOffice(withScene, async (s, { office }) => {
    office.manner = 'takes and hangs up';
    const person = somebody();
    ok(await s.client.send('POST', '/auth/register', { body: person }), 202);
    await s.work();
    office.manner = 'takes';
    s.time.forward(MINUTE);
    await s.work();
    const [first, second, ...more] = office.taken;
    assert.equal(more.length, 0);
    assert.equal(first?.id, second?.id);
    assert.equal(codeIn(first?.mail.text), codeIn(second?.mail.text));
  }));

test('parity 16: where no job can be written, the mail waits with its event, and arrives once', () =>
  withPostOffice(withWatchedScene, async (s, { office }) => {
    assert.ok(s.database.kind === 'sql');
    await sql`create trigger refuse before insert on jobs begin select raise(abort, 'no'); end`.execute(s.database.db);
    const person = somebody();
    ok(await s.client.send('POST', '/auth/register', { body: person }), 202);
    for (let turns = 0; turns < 3; turns++) {
      await s.work();
      s.time.forward(5 * SECOND);
    }
    assert.equal(office.taken.length, 0);
    await sql`drop trigger refuse`.execute(s.database.db);
    for (let turns = 0; turns < 2; turns++) {
      s.time.forward(2 * MINUTE);
      await s.work();
      assert.deepEqual(
        office.taken.map(({ to }) => to),
        [person.email],
      );
    }
  }));

test('an event that is delivered again, as after a crash, is no second mail', () =>
  withPostOffice(withWatchedScene, async (s, { office }) => {
    assert.ok(s.database.kind === 'sql');
    const { db } = s.database;
    ok(await s.client.send('POST', '/auth/register', { body: somebody() }), 202);
    await s.work();
    const again = sql`update events set due_at = at, handled = '[]' where type = 'registration.started'`;
    assert.equal((await again.execute(db)).numAffectedRows, 1n);
    s.time.forward(MINUTE);
    await s.work();
    const waiting = await sql`select 1 from events where type = 'registration.started' and due_at is not null`.execute(
      db,
    );
    assert.deepEqual(waiting.rows, []);
    assert.equal(office.taken.length, 1);
  }));
