import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { type Mail, MailRefused } from './mail.ts';
import { createSmtpMailer } from './smtp.ts';

interface Received {
  from: string;
  to: string[];
  raw: string;
  mail: Email;
}

const MAIL: Mail = {
  to: 'ann@example.com',
  subject: 'Grüße ✓',
  text: 'Your code is 123456.',
  html: '<p>Your code is <b>123456</b>.</p>',
  key: 'event-1',
};

/** An SMTP server on a free port that keeps what it is sent. */
async function listen(t: TestContext, options: SMTPServerOptions = {}) {
  const received: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 50,
    logger: false,
    async onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      const raw = Buffer.concat(chunks).toString();
      const { mailFrom, rcptTo } = session.envelope;
      const from = mailFrom ? mailFrom.address : '';
      received.push({ from, to: rcptTo.map((rcpt) => rcpt.address), raw, mail: await PostalMime.parse(raw) });
      callback();
    },
    ...options,
  });
  server.on('error', () => {});
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  t.after(() => new Promise<void>((resolve) => server.close(resolve)));
  return { received, port, url: `smtp://127.0.0.1:${port}` };
}

function mailer(t: TestContext, url: string, from = 'Accounts <no-reply@shop.example>') {
  const result = createSmtpMailer({ url, from });
  t.after(() => result.close());
  return result;
}

/** An error of the kind that `send` rejects with where trying again makes sense. */
const temporary = (code: string) => (error: unknown) => {
  assert.ok(error instanceof Error && !(error instanceof MailRefused));
  assert.equal((error as NodeJS.ErrnoException).code, code);
  return true;
};

function replying(responseCode: number): Error {
  return Object.assign(new Error('no'), { responseCode });
}

test('a mail arrives whole, from the sender that was configured', async (t) => {
  const { received, url } = await listen(t);
  await mailer(t, url).send(MAIL);
  assert.equal(received.length, 1);
  assert.equal(received[0]?.from, 'no-reply@shop.example');
  assert.deepEqual(received[0]?.to, ['ann@example.com']);
  const mail = received[0]?.mail;
  assert.equal(mail?.subject, MAIL.subject);
  assert.equal(mail?.text?.trim(), MAIL.text);
  assert.equal(mail?.html?.trim(), MAIL.html);
  assert.deepEqual([mail?.from?.name, mail?.from?.address], ['Accounts', 'no-reply@shop.example']);
  assert.deepEqual(
    mail?.to?.map((to) => to.address),
    ['ann@example.com'],
  );
  assert.equal(mail?.headers.find((header) => header.key === 'auto-submitted')?.value, 'auto-generated');
});

test('senders are read with and without a name, quoted or not', async (t) => {
  const { received, url } = await listen(t);
  await mailer(t, url, 'a@shop.example').send(MAIL);
  await mailer(t, url, '"Shop, \\"Inc\\"" <b@shop.example>').send(MAIL);
  const senders = received.map(({ mail }) => [mail.from?.name, mail.from?.address]);
  assert.deepEqual(senders, [
    ['', 'a@shop.example'],
    ['Shop, "Inc"', 'b@shop.example'],
  ]);
  assert.throws(() => createSmtpMailer({ url, from: 'nobody' }), TypeError);
});

test('a mail that is tried again has the same Message-ID, another mail has another', async (t) => {
  const { received, url } = await listen(t);
  const { send } = mailer(t, url);
  for (const mail of [MAIL, MAIL, { ...MAIL, key: 'event-2' }, { ...MAIL, key: 'x>\r\nBcc: bob@evil.example' }])
    await send(mail);
  const ids = received.map(({ mail }) => mail.messageId);
  assert.equal(ids[0], ids[1]);
  assert.equal(new Set(ids).size, 3);
  for (const id of ids) assert.match(id ?? '', /^<[0-9a-f]{40}@shop\.example>$/);
});

test('neither subject nor recipient can add a header, a recipient or a command', async (t) => {
  const { received, url } = await listen(t);
  const { send } = mailer(t, url);
  await send({
    ...MAIL,
    subject: 'Hello\r\nBcc: bob@evil.example\r\n\r\nbody',
    text: 'x\r\n.\r\nMAIL FROM:<a@b.co>\r\n',
  });
  assert.equal(received.length, 1);
  assert.deepEqual(received[0]?.to, ['ann@example.com']);
  assert.doesNotMatch(received[0]?.raw ?? '', /^Bcc:/im);
  assert.equal(received[0]?.mail.subject, 'Hello Bcc: bob@evil.example body');
  const recipients = [
    '',
    'ann',
    'ann@example.com, bob@evil.example',
    'ann@example.com\r\nBcc: bob@evil.example',
    'Ann <ann@example.com>',
  ];
  recipients.push(
    'ann@example.com> NOTIFY=NEVER',
    'ann@example.com;bob@evil.example',
    'group:ann@example.com',
    '"ann bob"@example.com',
  );
  for (const to of recipients) await assert.rejects(send({ ...MAIL, to }), MailRefused, to);
  assert.equal(received.length, 1);
});

test('a recipient or message that is refused for good is MailRefused', async (t) => {
  const byRecipient = await listen(t, { onRcptTo: (_address, _session, callback) => callback(replying(550)) });
  await assert.rejects(mailer(t, byRecipient.url).send(MAIL), MailRefused);
  const byMessage = await listen(t, {
    onData(stream, _session, callback) {
      stream.resume().on('end', () => callback(replying(554)));
    },
  });
  await assert.rejects(mailer(t, byMessage.url).send(MAIL), MailRefused);
});

test('what may pass later is rethrown', async (t) => {
  const busy = await listen(t, { onRcptTo: (_address, _session, callback) => callback(replying(451)) });
  await assert.rejects(mailer(t, busy.url).send(MAIL), temporary('EENVELOPE'));
  const full = await listen(t, {
    onData(stream, _session, callback) {
      stream.resume().on('end', () => callback(replying(452)));
    },
  });
  await assert.rejects(mailer(t, full.url).send(MAIL), temporary('EMESSAGE'));
  // The sender is configured: an operator mends it, then the mail goes out.
  const noSender = await listen(t, { onMailFrom: (_address, _session, callback) => callback(replying(550)) });
  await assert.rejects(mailer(t, noSender.url).send(MAIL), temporary('EENVELOPE'));
});

test('a refused password is no refused mail', async (t) => {
  const { url, received } = await listen(t, {
    allowInsecureAuth: true,
    authOptional: false,
    onAuth: ({ username, password }, _session, callback) =>
      username === 'us er' && password === 'p@ss/wörd' ? callback(null, { user: username }) : callback(new Error('no')),
  });
  await assert.rejects(mailer(t, url.replace('//', '//user:wrong@')).send(MAIL), temporary('EAUTH'));
  await mailer(t, url.replace('//', `//us%20er:${encodeURIComponent('p@ss/wörd')}@`)).send(MAIL);
  assert.equal(received.length, 1);
});

test('TLS is spoken where the URL says so, and certificates are checked', async (t) => {
  const plain = await listen(t);
  await assert.rejects(mailer(t, `${plain.url}?requireTLS=true`).send(MAIL), temporary('ETLS'));
  // smtp-server's own certificate is signed by nobody we trust.
  const secure = await listen(t, { secure: true });
  await assert.rejects(mailer(t, secure.url.replace('smtp:', 'smtps:')).send(MAIL), (error: unknown) => {
    assert.ok(error instanceof Error && !(error instanceof MailRefused));
    assert.match(error.message, /certificate/i);
    return true;
  });
  assert.deepEqual([plain.received.length, secure.received.length], [0, 0]);
});

test('a server that is away makes the mail wait, and is used again once it is back', async (t) => {
  const place = createServer().listen(0, '127.0.0.1');
  await once(place, 'listening');
  const { port } = place.address() as AddressInfo;
  await new Promise((resolve) => place.close(resolve));
  const { send } = mailer(t, `smtp://127.0.0.1:${port}`);
  await assert.rejects(send(MAIL), temporary('ESOCKET'));
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 50,
    logger: false,
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(resolve)));
  await send(MAIL);
});

test('close waits for deliveries under way', async (t) => {
  let release = () => {};
  const started = Promise.withResolvers<void>();
  const { url } = await listen(t, {
    onData(stream, _session, callback) {
      release = () => callback();
      stream.resume().on('end', started.resolve);
    },
  });
  const { send, close } = createSmtpMailer({ url, from: 'a@shop.example' });
  const order: string[] = [];
  const sent = send(MAIL).then(() => order.push('sent'));
  await started.promise;
  const closed = close().then(() => order.push('closed'));
  release();
  await Promise.all([sent, closed]);
  assert.deepEqual(order, ['sent', 'closed']);
  await assert.rejects(send(MAIL));
});

/** Checks a mail's DKIM signature by RFC 6376, with both parts in relaxed form (3.4.2, 3.4.4). */
function isSigned(raw: string, publicKey: ReturnType<typeof createPublicKey>): boolean {
  const end = raw.indexOf('\r\n\r\n');
  const [head, body] = [raw.slice(0, end), raw.slice(end + 4)];
  const headers = head.replace(/\r\n(?=[ \t])/g, '').split('\r\n');
  const relaxed = (header: string) => {
    const colon = header.indexOf(':');
    return `${header.slice(0, colon).trim().toLowerCase()}:${header
      .slice(colon + 1)
      .replace(/[ \t]+/g, ' ')
      .trim()}`;
  };
  const find = (name: string) => headers.findLast((header) => header.toLowerCase().startsWith(`${name}:`)) ?? '';
  const signature = relaxed(find('dkim-signature'));
  const tag = (name: string) => new RegExp(`[:;]\\s*${name}=([^;]*)`).exec(signature)?.[1]?.replace(/\s/g, '') ?? '';
  const lines = body.split('\r\n').map((line) => line.replace(/[ \t]+/g, ' ').trimEnd());
  const whole = `${lines.join('\r\n').replace(/(?:\r\n)*$/, '')}\r\n`;
  if (createHash('sha256').update(whole).digest('base64') !== tag('bh')) return false;
  const signed = tag('h').toLowerCase().split(':').map(find).filter(Boolean).map(relaxed);
  const unsigned = signature.replace(/([:;]\s*b=)[^;]*/, '$1');
  return verify('sha256', Buffer.from([...signed, unsigned].join('\r\n')), publicKey, Buffer.from(tag('b'), 'base64'));
}

test('with a key every mail is signed for the domain of its sender (DKIM), without one none is', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const dkim = { privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), selector: 'mail2026' };
  const { received, url } = await listen(t);
  const signing = createSmtpMailer({ url, from: 'Accounts <no-reply@shop.example>', dkim });
  t.after(() => signing.close());
  await signing.send(MAIL);
  await signing.send({ ...MAIL, key: 'event-2' });
  await mailer(t, url).send({ ...MAIL, key: 'event-3' });
  for (const { raw } of received.slice(0, 2)) {
    assert.match(raw.replace(/\r\n[ \t]+/g, ' '), /^DKIM-Signature: .*d=shop\.example;.* s=mail2026;/m);
    assert.equal(isSigned(raw, publicKey), true);
    assert.equal(isSigned(raw.replace('Gr', 'gr').replace('123456', '654321'), publicKey), false, 'altered');
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
    assert.equal(isSigned(raw, createPublicKey(other.privateKey)), false);
  }
  assert.doesNotMatch(received[2]?.raw ?? '', /DKIM-Signature/i);
});

test('a pooled connection that died is replaced, and no more are open than the pool has', async (t) => {
  let open = 0;
  let most = 0;
  const { received, url } = await listen(t, {
    onConnect(_session, callback) {
      most = Math.max(most, ++open);
      callback();
    },
    onClose() {
      open -= 1;
    },
    // The server hangs up on whoever stays.
    socketTimeout: 500,
  });
  const mails = mailer(t, url);
  await Promise.all(Array.from({ length: 20 }, (_, i) => mails.send({ ...MAIL, key: `first ${i}` })));
  assert.equal(received.length, 20);
  assert.ok(most <= 4, `${most} connections`);
  while (open > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await mails.send({ ...MAIL, key: 'second' });
  assert.equal(received.length, 21);
});

test('a server that hangs up in the middle of a mail makes it wait', async (t) => {
  const rude = createServer((socket) => {
    socket.on('error', () => {});
    socket.write('220 here\r\n');
    socket.on('data', (chunk) => {
      const said = chunk.toString();
      if (/^DATA/i.test(said)) socket.write('354 go on\r\n', () => socket.destroy());
      else socket.write('250 ok\r\n');
    });
  }).listen(0, '127.0.0.1');
  await once(rude, 'listening');
  t.after(() => rude.close());
  const { port } = rude.address() as AddressInfo;
  await assert.rejects(mailer(t, `smtp://127.0.0.1:${port}`).send(MAIL), (error: unknown) => {
    assert.ok(error instanceof Error && !(error instanceof MailRefused), String(error));
    return true;
  });
});

test('a delivery whose signal aborts is broken off, and the next one goes out', async (t) => {
  const stuck = Promise.withResolvers<void>();
  let isStuck = true;
  const { received, url } = await listen(t, {
    onMailFrom(_address, _session, callback) {
      if (!isStuck) return callback();
      stuck.resolve();
    },
  });
  const mails = mailer(t, url);
  const controller = new AbortController();
  const sending = mails.send(MAIL, { signal: controller.signal });
  await stuck.promise;
  controller.abort(new Error('the process is stopping'));
  await assert.rejects(sending, (error: unknown) => {
    assert.ok(error instanceof Error && !(error instanceof MailRefused));
    return true;
  });
  isStuck = false;
  await mails.send({ ...MAIL, key: 'event-2' });
  assert.equal(received.length, 1);
});
