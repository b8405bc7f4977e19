import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { ostiary, serverEnv, withServers } from './kill/server-process.ts';

const PASSWORD = 'Xk7-mail-server-secret';
/** Nobody listens there. */
const NOWHERE = '127.0.0.1:9';

/** What `ostiary doctor` says with these settings, on a database that no server has seen yet. */
async function ask(more: Record<string, string>) {
  const said = { code: null as number | null, text: '' };
  await withServers(async (dir) => {
    const { code, stdout, stderr } = await ostiary(['doctor'], {
      env: serverEnv(dir, `sqlite:${dir}/new.sqlite`, more),
      dir,
    });
    Object.assign(said, { code, text: stdout + stderr });
  });
  return said;
}

async function withMailServer(run: (address: string, mails: () => number) => Promise<void>): Promise<void> {
  let mails = 0;
  const server = new SMTPServer({
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    onAuth: ({ username, password }, _session, callback) =>
      password === PASSWORD ? callback(null, { user: username }) : callback(new Error('no')),
    onMailFrom: (_address, _session, callback) => {
      mails += 1;
      callback();
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  try {
    await run(`127.0.0.1:${(server.server.address() as AddressInfo).port}`, () => mails);
  } finally {
    await new Promise<void>((resolve) => server.close(resolve));
  }
}

test('doctor signs in at the mail server, and sends nothing', () =>
  withMailServer(async (address, mails) => {
    const good = await ask({ SMTP_URL: `smtp://ostiary:${PASSWORD}@${address}` });
    assert.match(good.text, /^ok +mail +by SMTP$/m);
    assert.equal(good.code, 0, good.text);

    const wrong = await ask({ SMTP_URL: `smtp://ostiary:not-${PASSWORD}@${address}` });
    assert.match(wrong.text, /^wrong +mail +the server of SMTP_URL: .*EAUTH/m);
    assert.equal(wrong.code, 1);
    assert.doesNotMatch(wrong.text, new RegExp(PASSWORD));
    assert.equal(mails(), 0);
  }));

test('doctor finds a mail server and a Redis that are not there, before the first start too', async () => {
  const { code, text } = await ask({
    SMTP_URL: `smtp://${NOWHERE}`,
    REDIS_URL: `redis://${NOWHERE}`,
  });
  assert.match(text, /^ok +migrations +0 applied/m);
  for (const what of ['mail', 'jobs']) assert.match(text, new RegExp(`^wrong +${what} `, 'm'), text);
  assert.equal(code, 1);
});

test('doctor notices a SECRET_KEY that was replaced since', () =>
  withServers(async (dir, start) => {
    const [former, present] = ['the former secret key, 0123456789 0', 'the present secret key, 0123456789 0'];
    const env = (more: Record<string, string>) => serverEnv(dir, `sqlite:${dir}/new.sqlite`, more);
    const change = { SECRET_KEY: present, SECRET_KEY_PREVIOUS: former };
    for (const keys of [{ SECRET_KEY: former }, change]) {
      await (await start({ env: env(keys), dir })).end('SIGTERM');
      assert.match((await ostiary(['doctor'], { env: env(keys), dir })).stdout, /^ok +secret key/m);
    }
    const { code, stdout } = await ostiary(['doctor'], { env: env({ SECRET_KEY: former }), dir });
    assert.match(stdout, /^wrong +secret key +[2-9] keys /m);
    assert.equal(code, 1);
  }));
