import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { AUTHORITY, LOCALHOST, OTHER_AUTHORITY } from '../../../test/certificates.ts';
import { type Mail, MailDeferred, MailRefused } from './mail.ts';
import { createSmtpMailer, type SmtpOptions, trySmtp } from './smtp.ts';

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

function mailer(t: TestContext, url: string, from = 'Accounts <no-reply@shop.example>', more?: Partial<SmtpOptions>) {
  const result = createSmtpMailer({ url, from, ...more });
  t.after(() => result.close());
  return result;
}

/** An error of the kind that `send` rejects with where trying again makes sense. */
const temporary = (code: string) => (error: unknown) => {
  assert.ok(error instanceof Error && !(error instanceof MailRefused));
  assert.equal((error as NodeJS.ErrnoException).code, code);
  return true;
};

function replying(responseCode: number, text = 'no'): Error {
  return Object.assign(new Error(text), { responseCode });
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

/** A server that refuses each message like this. */
const refusingMessages = (t: TestContext, error: Error) =>
  listen(t, {
    onData(stream, _session, callback) {
      stream.resume().on('end', () => callback(error));
    },
  });

test('only an answer that speaks of the mailbox is MailRefused', async (t) => {
  const byRecipient = await listen(t, { onRcptTo: (_address, _session, callback) => callback(replying(550)) });
  await assert.rejects(mailer(t, byRecipient.url).send(MAIL), MailRefused);
  const byMessage = await refusingMessages(t, replying(550, '5.1.1 no such mailbox'));
  await assert.rejects(mailer(t, byMessage.url).send(MAIL), MailRefused);
});

const deferred =
  (reason: string, soon = false) =>
  (error: unknown) => {
    assert.ok(error instanceof MailDeferred);
    assert.deepEqual([error.reason, error.soon], [reason, soon]);
    return true;
  };

test('other permanent answers, to sender, recipient or message, are MailDeferred, with their codes', async (t) => {
  const toMessage = await refusingMessages(t, replying(550, '5.7.0 too many emails per second'));
  await assert.rejects(mailer(t, toMessage.url).send(MAIL), deferred('550 5.7.0'));
  const quota = replying(550, '5.4.5 Daily sending limit exceeded');
  const toRecipient = await listen(t, { onRcptTo: (_address, _session, callback) => callback(quota) });
  await assert.rejects(mailer(t, toRecipient.url).send(MAIL), deferred('550 5.4.5'));
  const toSender = await listen(t, { onMailFrom: (_address, _session, callback) => callback(replying(550)) });
  await assert.rejects(mailer(t, toSender.url).send(MAIL), deferred('550 no'));
});

test('the server names itself as it is told to', async (t) => {
  const names: string[] = [];
  const { url } = await listen(t, {
    onMailFrom(_address, session, callback) {
      names.push(session.hostNameAppearsAs);
      callback();
    },
  });
  await mailer(t, url, 'a@shop.example', { ehloName: 'auth.shop.example' }).send(MAIL);
  assert.deepEqual(names, ['auth.shop.example']);
});

test('TLS where there is none, and none where there is, is a sentence that says what to write', async (t) => {
  const { port } = await listen(t);
  await assert.rejects(trySmtp({ url: `smtps://127.0.0.1:${port}` }), {
    message: /does not speak TLS from the first byte on port \d+: write smtp: instead of smtps: in SMTP_URL/,
  });
  const secure = await listen(t, { secure: true, key: LOCALHOST.key, cert: LOCALHOST.cert });
  await assert.rejects(trySmtp({ url: `smtp://127.0.0.1:${secure.port}` }), {
    message: /gives no greeting on port \d+: .*write smtps: instead of smtp: in SMTP_URL/,
  });
});

test('a temporary answer to a mail is MailDeferred for a moment, the end of a connection is an error', async (t) => {
  const busy = await listen(t, { onRcptTo: (_address, _session, callback) => callback(replying(451)) });
  await assert.rejects(mailer(t, busy.url).send(MAIL), deferred('451 no', true));
  const full = await listen(t, {
    onData(stream, _session, callback) {
      stream.resume().on('end', () => callback(replying(452)));
    },
  });
  await assert.rejects(mailer(t, full.url).send(MAIL), deferred('452 no', true));
  const closing = await listen(t, { onMailFrom: (_address, _session, callback) => callback(replying(421)) });
  await assert.rejects(mailer(t, closing.url).send(MAIL), temporary('EENVELOPE'));
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
  const dkim = {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    selector: 'mail2026',
    domain: null,
  };
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
  const forParent = { dkim: { ...dkim, domain: 'example.org' } };
  await mailer(t, url, 'no-reply@mail.example.org', forParent).send({ ...MAIL, key: 'event-4' });
  assert.match(received[3]?.raw.replace(/\r\n[ \t]+/g, ' ') ?? '', /^DKIM-Signature: .*d=example\.org;/m);
  assert.equal(isSigned(received[3]?.raw ?? '', publicKey), true);
});

/** What a server sees of connections: how many are open, and how many were at most. */
function connectionCounts() {
  const counts = { open: 0, most: 0 };
  const hooks: SMTPServerOptions = {
    onConnect(_session, callback) {
      counts.open += 1;
      counts.most = Math.max(counts.most, counts.open);
      callback();
    },
    onClose() {
      counts.open -= 1;
    },
  };
  return { counts, hooks };
}

test('a pooled connection that died is replaced, and no more are open than the pool has', async (t) => {
  const { counts, hooks } = connectionCounts();
  // The server hangs up on whoever stays.
  const { received, url } = await listen(t, { ...hooks, socketTimeout: 500 });
  const mails = mailer(t, url);
  await Promise.all(Array.from({ length: 20 }, (_, i) => mails.send({ ...MAIL, key: `first ${i}` })));
  assert.equal(received.length, 20);
  assert.ok(counts.most <= 4, `${counts.most} connections`);
  while (counts.open > 0) await new Promise((resolve) => setTimeout(resolve, 10));
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

/** What a client says to a server line by line, message data left out. `offers` are the lines of the answer to EHLO. */
async function listenRaw(t: TestContext, { offers, mails = Infinity }: { offers: string[]; mails?: number }) {
  const said: string[] = [];
  const ends: ('quit' | 'cut')[] = [];
  let left = mails;
  const server = createServer((socket) => {
    let quit = false;
    let inData = false;
    let rest = '';
    socket.on('error', () => {});
    socket.on('close', () => ends.push(quit ? 'quit' : 'cut'));
    socket.write('220 mail.auth.example ESMTP\r\n');
    socket.on('data', (chunk) => {
      const lines = (rest + chunk).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) answer(line);
    });
    function answer(line: string): void {
      if (inData) {
        if (line !== '.') return;
        inData = false;
        left -= 1;
        socket.write('250 taken\r\n');
        if (left === 0) socket.end('421 enough for now\r\n');
        return;
      }
      said.push(line);
      if (/^EHLO/.test(line))
        socket.write(`${['mail.auth.example', ...offers].map((o) => `250-${o}`).join('\r\n')}\r\n250 HELP\r\n`);
      else if (line === 'DATA') {
        inData = true;
        socket.write('354 go on\r\n');
      } else if (line === 'QUIT') {
        quit = true;
        socket.end('221 bye\r\n');
      } else socket.write(/^(STARTTLS|AUTH)/.test(line) ? '502 not here\r\n' : '250 ok\r\n');
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { said, ends, url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const until = async (isSo: () => boolean) => {
  for (let tries = 0; !isSo() && tries < 500; tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(isSo());
};

test('with credentials nothing goes out through a server that does not ask for them, and it is told none', async (t) => {
  for (const offers of [['SIZE'], ['AUTH XOAUTH2'], ['X-AUTH PLAIN']]) {
    const server = await listenRaw(t, { offers });
    const mails = mailer(t, server.url.replace('//', '//user:secret@'));
    await assert.rejects(mails.send(MAIL), (error: unknown) => {
      assert.match(String(error), /offers no way to sign in/);
      return temporary('EAUTH')(error);
    });
    assert.deepEqual(
      server.said.map((line) => line.split(' ')[0]),
      ['EHLO'],
      offers.join(),
    );
    await mailer(t, server.url).send(MAIL);
  }
});

test('credentials wait for TLS where the URL asks for it', async (t) => {
  const server = await listenRaw(t, { offers: ['AUTH PLAIN LOGIN'] });
  const mails = mailer(t, `${server.url.replace('//', '//user:secret@')}?requireTLS=true`);
  await assert.rejects(mails.send(MAIL), temporary('ETLS'));
  assert.ok(!server.said.some((line) => /AUTH|MAIL/.test(line)), server.said.join());
});

test('signing in works by each mechanism that takes a password', async (t) => {
  for (const method of ['PLAIN', 'LOGIN', 'CRAM-MD5']) {
    const { url, received } = await listen(t, {
      allowInsecureAuth: true,
      authOptional: false,
      authMethods: [method, 'XOAUTH2'],
      onAuth: (auth, _session, callback) => {
        const right = auth.method === 'CRAM-MD5' ? auth.validatePassword?.('secret') : auth.password === 'secret';
        return right ? callback(null, { user: 'user' }) : callback(new Error('no'));
      },
    });
    await mailer(t, url.replace('//', '//user:secret@')).send(MAIL);
    assert.equal(received.length, 1, method);
  }
});

test('an address beyond ASCII is refused unless the server takes such', async (t) => {
  const to = 'jürgen@example.com';
  const old = await listenRaw(t, { offers: ['8BITMIME', 'PIPELINING'] });
  await assert.rejects(mailer(t, old.url).send({ ...MAIL, to }), (error: unknown) => {
    assert.ok(error instanceof MailRefused);
    assert.match(error.message, /SMTPUTF8/);
    return true;
  });
  assert.ok(!old.said.some((line) => /MAIL|RCPT/.test(line)), old.said.join());
  // The connection is still good, and a domain has a form in ASCII.
  const mails = mailer(t, old.url);
  await assert.rejects(mails.send({ ...MAIL, to }), MailRefused);
  await mails.send({ ...MAIL, to: 'juergen@bücher.example' });
  assert.equal(old.said.filter((line) => /^EHLO/.test(line)).length, 2);
  assert.ok(old.said.includes('RCPT TO:<juergen@xn--bcher-kva.example>'), old.said.join());
  // The sender is configured: an operator mends it.
  await assert.rejects(mailer(t, old.url, 'jürgen@shop.example').send(MAIL), temporary('EENVELOPE'));

  const able = await listenRaw(t, { offers: ['SMTPUTF8', '8BITMIME'] });
  await mailer(t, able.url).send({ ...MAIL, to });
  assert.ok(able.said.some((line) => /^MAIL FROM:<no-reply@shop\.example> .*SMTPUTF8/.test(line)));
  assert.ok(able.said.includes('RCPT TO:<jürgen@example.com>'));
});

test('a private authority is trusted where it is named, for TLS from the first byte and for STARTTLS, and no other then', async (t) => {
  const implicit = await listen(t, { secure: true, ...LOCALHOST });
  const explicit = await listen(t, { disabledCommands: [], ...LOCALHOST });
  for (const { url, received } of [{ ...implicit, url: implicit.url.replace('smtp:', 'smtps:') }, explicit]) {
    const sending = (ca: string | null, at = url) => mailer(t, at, 'a@shop.example', { ca }).send(MAIL);
    for (const ca of [null, OTHER_AUTHORITY]) await assert.rejects(sending(ca), /certificate/i);
    await sending(AUTHORITY);
    await sending(`${OTHER_AUTHORITY}${AUTHORITY}`, url.replace('127.0.0.1', 'localhost'));
    assert.equal(received.length, 2);
  }
});

test('a connection that is not used any more ends with QUIT: when idle, after its last mail, and at the end', async (t) => {
  const idle = await listenRaw(t, { offers: [] });
  await mailer(t, idle.url, 'a@shop.example', { idleTimeout: 20 }).send(MAIL);
  await until(() => idle.ends.length === 1);
  assert.deepEqual(idle.ends, ['quit']);

  const busy = await listenRaw(t, { offers: ['PIPELINING'] });
  const mails = mailer(t, busy.url);
  for (let i = 0; i < 101; i += 1) await mails.send({ ...MAIL, key: `${i}` });
  await until(() => busy.ends.length === 1);
  await mails.close();
  await until(() => busy.ends.length === 2);
  assert.deepEqual(busy.ends, ['quit', 'quit']);
});

test('close does not wait for long for a server that does not say goodbye', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write('220 here\r\n');
    socket.on('data', (chunk) => {
      const said = chunk.toString();
      if (/^QUIT/.test(said)) return;
      socket.write(/^DATA/.test(said) ? '354 go on\r\n' : '250 ok\r\n');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { send, close } = createSmtpMailer({
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    from: 'a@shop.example',
  });
  await send(MAIL);
  const begun = Date.now();
  await close();
  assert.ok(Date.now() - begun < 10_000);
});

test('a mail that meets connections which the server left takes a fresh one', async (t) => {
  const server = await listenRaw(t, { offers: [], mails: 1 });
  const mails = mailer(t, server.url);
  await mails.send(MAIL);
  await mails.send({ ...MAIL, key: 'event-2' });
  assert.equal(server.said.filter((line) => /^EHLO/.test(line)).length, 2);
});

test('a kept connection that dies under a mail is replaced as long as nothing of the mail was sent, and not after that', async (t) => {
  const mailsSent: string[] = [];
  let dieAt = /^MAIL/;
  const server = createServer((socket) => {
    let isKept = false;
    let inData = false;
    socket.on('error', () => {});
    socket.write('220 here\r\n');
    socket.on('data', (chunk) => {
      const said = chunk.toString();
      if (isKept && dieAt.test(said)) return socket.destroy();
      if (inData) {
        if (!said.endsWith('\r\n.\r\n')) return;
        mailsSent.push(said);
        [inData, isKept] = [false, true];
      }
      inData = /^DATA/.test(said);
      socket.write(inData ? '354 go on\r\n' : '250 ok\r\n');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { send } = mailer(t, `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await send(MAIL);
  await send({ ...MAIL, key: 'event-2' });
  assert.equal(mailsSent.length, 2);
  dieAt = /Subject/;
  await assert.rejects(send({ ...MAIL, key: 'event-3' }), temporary('ECONNECTION'));
  assert.equal(mailsSent.length, 2);
});

test('many mails at once, some of them given up, each go out once over no more connections than there may be', async (t) => {
  const { counts, hooks } = connectionCounts();
  const { received, url } = await listen(t, hooks);
  const { send } = mailer(t, url);
  const results = await Promise.allSettled(
    Array.from({ length: 50 }, (_, i) => {
      const controller = new AbortController();
      const mail = { ...MAIL, to: `ann${i}@example.com` };
      const sending = send(mail, { signal: controller.signal });
      if (i % 5 === 4) controller.abort(new Error('given up'));
      // Those of the second round come while others of the first still wait for their turn.
      return sending.then(() => send({ ...mail, to: `bob${i}@example.com` }));
    }),
  );
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 40);
  assert.equal(new Set(received.map(({ to }) => to[0])).size, 80);
  assert.equal(received.length, 80);
  assert.ok(counts.most <= 4, `${counts.most} connections`);
  await send(MAIL);
});

test('of mails that wait for a connection, close rejects each, and abort rejects its own', async (t) => {
  const all = 4;
  let stuck = 0;
  const release: (() => void)[] = [];
  const { received, url } = await listen(t, {
    onMailFrom(_address, _session, callback) {
      stuck += 1;
      release.push(callback);
    },
  });
  const { send, close } = createSmtpMailer({ url, from: 'a@shop.example' });
  const sending = Array.from({ length: all }, (_, i) => send({ ...MAIL, key: `${i}` }));
  await until(() => stuck === all);
  const controller = new AbortController();
  const aborted = send(MAIL, { signal: controller.signal });
  const waiting = send(MAIL);
  controller.abort(new Error('stopping'));
  await assert.rejects(aborted, /stopping/);
  const closed = close();
  await assert.rejects(waiting, /closed/);
  for (const go of release) go();
  await Promise.all([...sending, closed]);
  assert.equal(received.length, all);
});
