import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { after, SECOND, systemClock } from '../../platform/clock.ts';
import { directory } from '../../platform/config/config.testing.ts';
import type { Config } from '../../platform/config/config.ts';
import { loadConfig } from '../../platform/config/load-config.ts';
import { platformErrors } from '../../platform/errors.ts';
import { createRouteCatalogue } from '../../platform/http/catalogue.ts';
import { createHttpServer } from '../../platform/http/server.ts';
import { createMailbox } from '../../platform/mail/mailbox.ts';
import { mailboxRoutes } from './routes.ts';

async function serve(t: TestContext, environment: Config['environment'] = 'test') {
  const cwd = directory(t);
  const { config } = loadConfig({ env: { ENVIRONMENT: 'test' }, cwd });
  let seconds = 0;
  const clock = () => after(new Date('2026-11-20T12:00:00.000Z'), SECOND * seconds++);
  const mailbox = createMailbox({ dir: join(cwd, 'mail'), clock });
  const app = await createHttpServer({
    config: { ...config, environment },
    log: pino({ level: 'silent' }),
    clock: systemClock,
    authenticate: () => null,
    rateOf: () => null,
    counters: null,
    authorize: () => 'not_granted',
    catalogue: createRouteCatalogue(),
    errorTable: platformErrors.table,
    probes: { essential: {}, helpful: {} },
    version: '1.2.3',
  });
  await app.register(mailboxRoutes({ mailbox }));
  t.after(() => app.close());
  return { app, mailbox };
}

test('mails are served as JSON, newest first', async (t) => {
  const { app, mailbox } = await serve(t);
  const get = () => app.inject({ url: '/dev/mailbox', headers: { accept: 'application/json' } });
  assert.deepEqual((await get()).json(), []);
  for (const key of ['a', 'b'])
    await mailbox.send({ to: 'ann@example.com', subject: key, text: 't', html: '<p>h</p>', key });
  const mails = (await get()).json();
  assert.deepEqual(
    mails.map(({ id: _, ...mail }: { id: string }) => mail),
    [
      { to: 'ann@example.com', subject: 'b', text: 't', html: '<p>h</p>', sentAt: '2026-11-20T12:00:01.000Z' },
      { to: 'ann@example.com', subject: 'a', text: 't', html: '<p>h</p>', sentAt: '2026-11-20T12:00:00.000Z' },
    ],
  );
});

test('on the page nothing of a mail is markup of ours, and its HTML is locked in a frame', async (t) => {
  const { app, mailbox } = await serve(t);
  const hostile = `</pre></iframe><script>alert(1)</script>"'><img src=x onerror=alert(1)>`;
  const link = 'https://auth.example.com/reset-password#token=a-b_c';
  await mailbox.send({
    to: hostile,
    subject: hostile,
    text: `${hostile}\n${link}\njavascript:alert(1)`,
    html: hostile,
    key: 'a',
  });
  const { body, headers } = await app.inject('/dev/mailbox');
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  assert.doesNotMatch(body, /<script|<img|href="javascript/i);
  assert.ok(body.includes(`<a href="${link}" target="_blank" rel="noopener noreferrer">${link}</a>`));
  const frame = /<iframe [^>]*>/.exec(body)?.[0] ?? '';
  assert.match(frame, / sandbox="allow-popups allow-popups-to-escape-sandbox" /);
  assert.match(frame, / srcdoc="&lt;base target=&quot;_blank&quot;&gt;&lt;\/pre&gt;/);
  const policy = String(headers['content-security-policy']);
  assert.match(policy, /^default-src 'none'; /);
  assert.doesNotMatch(policy, /script-src|connect-src/);
});

test('a mailbox that is full shows the newest and says how many there are', async (t) => {
  const { app, mailbox } = await serve(t);
  assert.match((await app.inject('/dev/mailbox')).body, /No mail has been sent yet/);
  for (let index = 0; index < 52; index++) {
    await mailbox.send({ to: 'ann@example.com', subject: `Mail ${index}.`, text: 't', html: 'h', key: String(index) });
  }
  const { body } = await app.inject('/dev/mailbox');
  assert.equal(body.match(/<details/g)?.length, 50);
  assert.match(body, /2 older mails/);
  assert.ok(body.indexOf('Mail 51.') < body.indexOf('Mail 50.') && !body.includes('Mail 1.'));
});

test('in production there is no mailbox', async (t) => {
  const { app } = await serve(t, 'production');
  const { statusCode, headers } = await app.inject('/dev/mailbox');
  assert.equal(statusCode, 404);
  assert.match(String(headers['content-type']), /^application\/problem\+json/);
});
