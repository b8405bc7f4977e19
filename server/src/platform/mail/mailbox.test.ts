import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { after, HOUR } from '../clock.ts';
import type { Mail } from './mail.ts';
import { createMailbox } from './mailbox.ts';

const START = new Date('2026-11-20T12:00:00.000Z');

function mail(key: string): Mail {
  return { to: 'ann@example.com', subject: `Subject ${key}`, text: 'text', html: '<p>html</p>', key };
}

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'ostiary-mailbox-'));
  t.after(() => rm(dir, { recursive: true }));
  return join(dir, 'mail');
}

/** A mailbox whose clock moves one second with every mail. */
function moving(dir: string, limit?: number) {
  let seconds = 0;
  return createMailbox({ dir, clock: () => after(START, 1000 * seconds++), limit });
}

const subjects = (mails: { subject: string }[]) => mails.map(({ subject }) => subject.replace('Subject ', ''));

test('mails are listed newest first, in full', async (t) => {
  const mailbox = moving(await folder(t));
  assert.deepEqual(await mailbox.list(), []);
  for (const key of ['a', 'b', 'c']) await mailbox.send(mail(key));
  const mails = await mailbox.list();
  assert.deepEqual(subjects(mails), ['c', 'b', 'a']);
  assert.deepEqual(
    { ...mails[2], id: '' },
    {
      id: '',
      to: 'ann@example.com',
      subject: 'Subject a',
      text: 'text',
      html: '<p>html</p>',
      sentAt: '2026-11-20T12:00:00.000Z',
    },
  );
  assert.equal(new Set(mails.map(({ id }) => id)).size, 3);
});

test('mails of one moment keep the order of their sending', async (t) => {
  const mailbox = createMailbox({ dir: await folder(t), clock: () => START });
  const keys = Array.from({ length: 20 }, (_, index) => String(index));
  for (const key of keys) await mailbox.send(mail(key));
  assert.deepEqual(subjects(await mailbox.list()), keys.reverse());
});

test('a mail that is tried again is there once, also when tried at the same time', async (t) => {
  const mailbox = moving(await folder(t));
  await Promise.all(Array.from({ length: 50 }, () => mailbox.send(mail('a'))));
  assert.deepEqual(subjects(await mailbox.list()), ['a']);
});

test('the oldest go beyond the limit, from the list and from the disk', async (t) => {
  const dir = await folder(t);
  const mailbox = moving(dir, 3);
  for (let index = 0; index < 60; index++) await mailbox.send(mail(String(index)));
  assert.deepEqual(subjects(await mailbox.list()), ['59', '58', '57']);
  assert.ok((await readdir(dir)).length <= 53);
});

test('only the owner can read them, under any name of the key', async (t) => {
  const dir = await folder(t);
  const mailbox = moving(dir);
  await mailbox.send(mail('../../etc/passwd\0'));
  assert.equal((await stat(dir)).mode & 0o777, 0o700);
  const [file = ''] = await readdir(dir);
  assert.match(file, /^[0-9a-f]{32}\.json$/);
  assert.equal((await stat(join(dir, file))).mode & 0o777, 0o600);
  await chmod(dir, 0o755);
  moving(dir);
  assert.equal((await stat(dir)).mode & 0o777, 0o700);
});

test('mails survive a restart and are shared by processes', async (t) => {
  const dir = await folder(t);
  await moving(dir).send(mail('a'));
  const script = `import { createMailbox } from ${JSON.stringify(import.meta.resolve('./mailbox.ts'))};
    const mailbox = createMailbox({ dir: ${JSON.stringify(dir)}, clock: () => new Date('2026-11-20T13:00:00.000Z') });
    await mailbox.send(${JSON.stringify(mail('b'))});
    process.stdout.write(JSON.stringify(await mailbox.list()));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  assert.deepEqual(subjects(JSON.parse(stdout)), ['b', 'a']);
  assert.deepEqual(await moving(dir).list(), JSON.parse(stdout));
});

test('what a killed process left half written is not shown and goes in time', async (t) => {
  const dir = await folder(t);
  const mailbox = moving(dir);
  const [fresh, abandoned] = ['1', '2'].map((digit) => join(dir, `${digit.repeat(32)}.${'a'.repeat(16)}.tmp`)) as [
    string,
    string,
  ];
  for (const path of [fresh, abandoned]) await writeFile(path, '{"id":');
  const old = after(new Date(), -HOUR);
  await utimes(abandoned, old, old);
  await mailbox.send(mail('a'));
  assert.deepEqual(subjects(await mailbox.list()), ['a']);
  const names = await readdir(dir);
  assert.deepEqual(
    names.filter((name) => name.endsWith('.tmp')).map((name) => name[0]),
    ['1'],
  );
});

test('a mail that cannot be kept is not reported as sent', async (t) => {
  const dir = await folder(t);
  const mailbox = moving(dir);
  await rm(dir, { recursive: true });
  await assert.rejects(mailbox.send(mail('a')), { code: 'ENOENT' });
});
