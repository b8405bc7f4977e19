import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY, MINUTE, SECOND } from '../src/platform/clock.ts';
import { AUTHORITY } from './certificates.ts';
import { ok } from './client.ts';
import { type MailProvider, type Manner, openMailProvider, type Replies } from './mail-provider.ts';
import { somebody } from './scenario.ts';
import { type WatchedScene, withWatchedScene } from './watched-app.ts';

/** What becomes of a mail: it is tried again within seconds, or after a minute at the earliest, or never. */
type Fate = 'soon' | 'slowly' | 'never';

interface Dialogue {
  replies: Replies;
  offers?: string[];
  fate: Fate;
  /** What the log says of it, in one line. */
  tells: RegExp;
}

/** What a server says at a step, in its own words. */
const saying = (step: keyof Replies, reply: string, fate: Fate, tells?: RegExp): [string, Dialogue] => {
  const words = new RegExp(RegExp.escape(reply.replaceAll(/<?[\w.+-]+@[\w.-]+>?/g, '…').slice(0, 40)));
  return [`${step}: ${reply.slice(0, 60)}`, { replies: { [step]: reply }, fate, tells: tells ?? words }];
};
/** Without a word, wherever a dialogue stands. */
const hangingUp = (step: keyof Replies, tells: RegExp): [string, Dialogue] => [
  `${step}: hangs up`,
  { replies: { [step]: null }, fate: 'soon', tells },
];

interface Provider {
  manner: Manner;
  /** Without a user, the relay goes by the address of this host. */
  user: boolean;
  dialogues: [string, Dialogue][];
}

const GONE = /closed the connection|Connection closed unexpectedly/;

const PROVIDERS: Record<string, Provider> = {
  'Google, smtp-relay.gmail.com': {
    user: false,
    manner: {
      greeting: '220 smtp-relay.gmail.com ESMTP a640c23a62f3a-ab36cc10a2bsm1150466b.5 - gsmtp',
      offers: [
        ['SIZE 157286400', '8BITMIME', 'STARTTLS', 'ENHANCEDSTATUSCODES', 'PIPELINING', 'CHUNKING', 'SMTPUTF8'],
        [
          'SIZE 157286400',
          '8BITMIME',
          'AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH',
          'ENHANCEDSTATUSCODES',
          'PIPELINING',
          'SMTPUTF8',
        ],
      ],
    },
    dialogues: [
      saying(
        'EHLO',
        '421 4.7.0 Try again later, closing connection. (EHLO) a640c23a62f3a-ab36cc10a2bsm1150466b.5 - gsmtp',
        'soon',
      ),
      saying('greeting', '421 4.7.0 Temporary System Problem.  Try again later. a640c23a62f3a - gsmtp', 'soon'),
      saying('STARTTLS', '454 4.7.0 TLS not available due to temporary reason a640c23a62f3a - gsmtp', 'soon'),
      saying(
        'RCPT',
        '550-5.7.1 Invalid credentials for relay [203.0.113.7]. The IP address you\r\n550-5.7.1 have registered in your Workspace SMTP Relay service does not match the\r\n550 5.7.1 domain of the account. a640c23a62f3a - gsmtp',
        'slowly',
      ),
      saying('DATA', '421 4.3.0 Temporary System Problem.  Try again later (DATA). a640c23a62f3a - gsmtp', 'soon'),
      saying('message', '421 4.3.0 Temporary System Problem.  Try again later (10). a640c23a62f3a - gsmtp', 'soon'),
      saying(
        'message',
        '550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\r\n550 5.4.5 sending limits go to https://support.google.com/a/answer/166852 a640c23a62f3a - gsmtp',
        'slowly',
      ),
      saying('RCPT', '452 4.5.3 Your message has too many recipients. a640c23a62f3a - gsmtp', 'soon'),
      saying(
        'message',
        "552-5.2.3 Your message exceeded Google's message size limits. Please visit\r\n552 5.2.3 https://support.google.com/mail/?p=MaxSizeError a640c23a62f3a - gsmtp",
        'slowly',
      ),
      saying(
        'RCPT',
        '550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n550 5.1.1 double-checking it. a640c23a62f3a - gsmtp',
        'never',
      ),
      hangingUp('EHLO', GONE),
      hangingUp('STARTTLS', GONE),
      hangingUp('message', GONE),
    ],
  },
  'Google, smtp.gmail.com with a password': {
    user: true,
    manner: {
      greeting: '220 smtp.gmail.com ESMTP a640c23a62f3a-ab36cc10a2bsm1150466b.5 - gsmtp',
      offers: [
        ['SIZE 35882577', '8BITMIME', 'STARTTLS', 'ENHANCEDSTATUSCODES', 'PIPELINING', 'SMTPUTF8'],
        ['SIZE 35882577', '8BITMIME', 'AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH', 'PIPELINING'],
      ],
    },
    dialogues: [
      saying(
        'AUTH',
        '454 4.7.0 Too many login attempts, please try again later. a640c23a62f3a-ab36cc10a2bsm1150466b.5 - gsmtp',
        'soon',
      ),
      saying(
        'AUTH',
        '535-5.7.8 Username and Password not accepted. For more information, go to\r\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials a640c23a62f3a - gsmtp',
        'soon',
      ),
      saying('AUTH', '534-5.7.9 Application-specific password required. a640c23a62f3a\r\n534 5.7.9 - gsmtp', 'soon'),
      saying('MAIL', '530-5.7.0 Authentication Required. For more information, go to\r\n530 5.7.0 - gsmtp', 'slowly'),
      hangingUp('AUTH', GONE),
      hangingUp('MAIL', GONE),
    ],
  },
  'Amazon SES': {
    user: true,
    manner: {
      greeting: '220 email-smtp.amazonaws.com ESMTP SimpleEmailService-d-ABC123DEF XYZ',
      offers: [
        ['8BITMIME', 'STARTTLS', 'AUTH PLAIN LOGIN', 'Ok'],
        ['8BITMIME', 'AUTH PLAIN LOGIN', 'Ok'],
      ],
    },
    dialogues: [
      saying('message', '454 Throttling failure: Maximum sending rate exceeded.', 'soon'),
      saying('message', '454 Throttling failure: Daily message quota exceeded.', 'soon'),
      saying('MAIL', '454 Throttling failure: Maximum sending rate exceeded.', 'soon'),
      saying(
        'message',
        '554 Message rejected: Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: no-reply@shop.example',
        'slowly',
      ),
      saying('message', '554 Message rejected: Sending suspended for this account.', 'slowly'),
      saying('message', '554 Access denied: User is not authorized to perform ses:SendRawEmail', 'slowly'),
      saying('message', '451 Temporary service failure', 'soon'),
      saying('AUTH', '535 Authentication Credentials Invalid', 'soon'),
      saying('AUTH', '454 Temporary authentication failure', 'soon'),
      saying('MAIL', '530 Authentication required', 'slowly'),
      saying('MAIL', '421 Timeout waiting for data from client.', 'soon'),
      saying('message', '421 Too many concurrent SMTP connections', 'soon'),
      saying('greeting', '421 Too many concurrent SMTP connections', 'soon'),
      saying('RCPT', '501 Invalid RCPT TO address provided', 'slowly'),
      hangingUp('RCPT', GONE),
      hangingUp('DATA', GONE),
    ],
  },
  'Microsoft 365': {
    user: true,
    manner: {
      greeting: '220 AM0PR04CA0012.outlook.office365.com Microsoft ESMTP MAIL Service ready at Fri, 20 Nov 2026 [08DE]',
      offers: [
        [
          'SIZE 157286400',
          'PIPELINING',
          'DSN',
          'ENHANCEDSTATUSCODES',
          'STARTTLS',
          '8BITMIME',
          'BINARYMIME',
          'CHUNKING',
        ],
        ['SIZE 157286400', 'PIPELINING', 'DSN', 'ENHANCEDSTATUSCODES', 'AUTH LOGIN XOAUTH2', '8BITMIME', 'SMTPUTF8'],
      ],
    },
    dialogues: [
      saying(
        'MAIL',
        '432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending',
        'soon',
      ),
      saying(
        'message',
        '432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded [Hostname=AM0PR04MB1234.eurprd04.prod.outlook.com]',
        'soon',
      ),
      saying(
        'AUTH',
        '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [AM0PR04CA0012.eurprd04.prod.outlook.com 2026-11-20T12:00:00.000Z 08DE]',
        'soon',
      ),
      saying('AUTH', '535 5.7.3 Authentication unsuccessful [AM0PR04CA0012.eurprd04.prod.outlook.com]', 'soon'),
      saying(
        'MAIL',
        '530 5.7.57 Client not authenticated to send mail. [AM0PR04CA0012.eurprd04.prod.outlook.com 2026-11-20T12:00:00.000Z 08DE]',
        'slowly',
      ),
      saying('message', '550 5.1.8 Access denied, bad outbound sender. For more information please go to', 'slowly'),
      saying(
        'message',
        '554 5.2.252 SendAsDenied; mailer@shop.example not allowed to send as no-reply@shop.example; STOREDRV.Submission.Exception:SendAsDeniedException',
        'slowly',
        /554 5\.2\.252 SendAsDenied; … not allowed to send as/,
      ),
      saying(
        'RCPT',
        '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient nobody@shop.example not found by SMTP address lookup',
        'never',
      ),
      saying('message', '550 5.7.60 SMTP; Client does not have permissions to send as this sender', 'slowly'),
      saying('RCPT', '451 4.7.500 Server busy. Please try again later from [203.0.113.7]. (S77719)', 'soon'),
      saying('greeting', '421 4.3.2 Service not available', 'soon'),
      [
        'offers XOAUTH2 alone',
        { replies: {}, offers: ['AUTH XOAUTH2'], fate: 'soon', tells: /offers no way to sign in/ },
      ],
      saying('STARTTLS', '500 5.3.3 Unrecognized command', 'soon'),
      hangingUp('greeting', GONE),
      hangingUp('AUTH', GONE),
    ],
  },
};

const MAIL_FROM = 'no-reply@shop.example';
const urlOf = ({ port }: MailProvider, credentials = '') => `smtp://${credentials}127.0.0.1:${port}?requireTLS=true`;

for (const [name, { manner, user, dialogues }] of Object.entries(PROVIDERS)) {
  test(`${name}: each refusal is told in one line, and ends a mail only if it speaks of the mailbox`, async () => {
    const provider = await openMailProvider(manner);
    const env = { SMTP_URL: urlOf(provider, user ? 'mailer:Xk7-secret@' : ''), SMTP_CA: AUTHORITY, MAIL_FROM };
    try {
      await withWatchedScene(
        async (s) => {
          const faults: string[] = [];
          for (const [what, dialogue] of dialogues)
            await hold(s, provider, dialogue).catch((error) => faults.push(`${what}: ${error.message}`));
          assert.deepEqual(faults, []);
        },
        { env },
      );
      assert.ok(
        provider.steps.every((step) => /^(\+|EHLO$|STARTTLS$|QUIT$)/.test(step)),
        'nothing in the clear',
      );
    } finally {
      await provider.close();
    }
  });
}

test('a server that takes only some mails at a time is told of in one line, and gets them all', async () => {
  const { manner } = PROVIDERS['Amazon SES'] ?? assert.fail();
  const provider = await openMailProvider(manner);
  try {
    await withWatchedScene(
      async (s) => {
        const people = Array.from({ length: 8 }, () => somebody());
        for (const [index, body] of people.entries()) {
          provider.say(index % 2 === 0 ? { message: '454 Throttling failure: Maximum sending rate exceeded.' } : {});
          ok(await s.client.send('POST', '/auth/register', { body }), 202);
          await s.work();
        }
        for (let round = 0; round < 4; round++) {
          s.time.forward(MINUTE);
          await s.work();
        }
        assert.deepEqual(provider.taken.map(({ to }) => to).sort(), people.map(({ email }) => email).sort());
        const lines = s.log.filter((line) => /Throttling|mail\.send (?:fails|works)/.test(line));
        assert.equal(lines.length, 1, lines.join(''));
      },
      { env: { SMTP_URL: urlOf(provider, 'mailer:Xk7-secret@'), SMTP_CA: AUTHORITY, MAIL_FROM } },
    );
  } finally {
    await provider.close();
  }
});

/** Holds one dialogue for somebody who registers, and looks at what becomes of their mail, also once the server agrees again. */
async function hold(
  s: WatchedScene,
  provider: MailProvider,
  { replies, offers, fate, tells }: Dialogue,
): Promise<void> {
  const before = s.log.length;
  const told = () =>
    s.log.slice(before).filter((line) => /"level":"(?:warn|error)"/.test(line) && !line.includes('"msg":"slow '));
  const jobs = () => s.app.queue.list({ name: 'mail.send' }, { skip: 0, limit: 1000 });
  const earlier = new Set((await jobs()).map(({ id }) => id));
  const passes = async (milliseconds: number) => {
    s.time.forward(milliseconds);
    await s.work();
  };
  const person = somebody();
  const taken = () => provider.taken.filter(({ to }) => to === person.email);

  // An idle connection would begin in the middle of the dialogue.
  provider.hangUp();
  provider.say(replies, offers);
  ok(await s.client.send('POST', '/auth/register', { body: person }), 202);
  await s.work();
  for (let round = 0; round < 2; round++) await passes(10 * SECOND);
  const [job] = (await jobs()).filter(({ id }) => !earlier.has(id));
  assert.ok(job);
  const state = fate === 'never' ? 'failed' : 'delayed';
  assert.deepEqual([job.state, job.attempts > 1], [state, fate === 'soon'], job.failure?.message ?? '');
  for (let round = 0; round < 3; round++) await passes(MINUTE);
  const lines = told();
  assert.equal(lines.length, 1, lines.join(''));
  assert.match(JSON.parse(lines[0] ?? '{}').err.message, tells);
  for (const secret of [person.email, 'Xk7-secret']) assert.ok(!lines.join().includes(secret), 'who it was for');
  assert.equal(taken().length, 0);

  provider.hangUp();
  provider.say({});
  for (const minutes of [4, 60]) {
    await passes(minutes * MINUTE);
    assert.equal(taken().length, fate === 'never' ? 0 : 1);
  }
  // Refusals of one kind are told once a day.
  await passes(DAY);
}
