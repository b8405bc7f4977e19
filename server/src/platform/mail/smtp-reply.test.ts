import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAboutMailbox, kindOf } from './smtp-reply.ts';

const reply = (command: string, response: string) => ({
  command,
  response,
  responseCode: Number(response.slice(0, 3)),
});

/** As Google's, Amazon's, Microsoft's, Postfix' and Exim's servers answer. */
const NO_MAILBOX: [string, string][] = [
  [
    'RCPT TO',
    '550-5.1.1 The email account that you tried to reach does not exist. Please try\n550 5.1.1 double-checking it. - gsmtp',
  ],
  ['RCPT TO', '550 5.2.1 The email account that you tried to reach is disabled. - gsmtp'],
  ['RCPT TO', "553 5.1.2 We weren't able to find the recipient domain. - gsmtp"],
  ['DATA', '550-5.1.1 The email account that you tried to reach does not exist.'],
  ['RCPT TO', '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'],
  [
    'RCPT TO',
    '550 5.4.1 Recipient address rejected: Access denied. [AM0EUR02FT018.eop-EUR02.prod.protection.outlook.com]',
  ],
  ['RCPT TO', '550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown in local recipient table'],
  ['RCPT TO', '501 5.1.3 Invalid address'],
  ['RCPT TO', '550 5.1.6 The mailbox has moved'],
  ['RCPT TO', '550 No such user here'],
  ['RCPT TO', '550 Unrouteable address'],
  ['RCPT TO', '551 User not local'],
  ['RCPT TO', '553 Mailbox name not allowed'],
];

const SOMETHING_ELSE: [string, string][] = [
  ['DATA', '550 5.7.0 too many emails per second'],
  ['RCPT TO', '550 5.4.5 Daily user sending limit exceeded. - gsmtp'],
  ['DATA', '550 5.4.5 Daily SMTP relay sending limit exceeded for customer. - gsmtp'],
  [
    'RCPT TO',
    '550-5.2.1 The user you are trying to contact is receiving mail at a rate that\n550 5.2.1 prevents additional messages from being delivered. - gsmtp',
  ],
  ['RCPT TO', '552 5.2.2 The email account that you tried to reach is over quota. - gsmtp'],
  ['DATA', '550-5.7.26 This mail has been blocked because the sender is unauthenticated. - gsmtp'],
  ['DATA', '550-5.7.1 Our system has detected an unusual rate of unsolicited mail from your IP - gsmtp'],
  ['RCPT TO', '550-5.7.1 Invalid credentials for relay [203.0.113.7]. - gsmtp'],
  [
    'DATA',
    '554 Message rejected: Email address is not verified. The following identities failed the check: a@example.com',
  ],
  ['DATA', '554 Message rejected: Sending suspended for this account.'],
  ['DATA', '554 Transaction failed: Expected MAIL FROM type address'],
  ['DATA', '550 5.1.90 Your message can not be sent because you have reached your daily limit for message recipients.'],
  ['DATA', '554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied'],
  ['RCPT TO', '550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain'],
  ['MAIL FROM', '550 5.7.60 SMTP; Client does not have permissions to send as this sender'],
  ['DATA', '550 5.7.520 Access denied, Your organization does not allow external forwarding.'],
  ['RCPT TO', '550 5.2.121 The recipient has exceeded their limit for messages from the sender.'],
  ['DATA', '550 5.1.8 Access denied, bad outbound sender'],
  ['RCPT TO', '550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP'],
  ['RCPT TO', '554 5.7.1 <ann@example.com>: Relay access denied'],
  ['RCPT TO', '550 5.1.0 <no-reply@shop.example>: Sender address rejected'],
  ['RCPT TO', '550 relay not permitted'],
  ['RCPT TO', '550 Sender verify failed'],
  ['RCPT TO', '550 Administrative prohibition'],
  ['RCPT TO', '553 Sorry, that domain is not in my list of allowed rcpthosts; authentication required'],
  ['RCPT TO', '554 transaction failed'],
  ['DATA', '554 rejected'],
  ['DATA', '550 no'],
];

for (const [command, response] of NO_MAILBOX) {
  test(`speaks of the mailbox: ${response.slice(0, 50)}`, () =>
    assert.equal(isAboutMailbox(reply(command, response)), true));
}
for (const [command, response] of SOMETHING_ELSE) {
  test(`speaks of something else: ${response.slice(0, 60)}`, () =>
    assert.equal(isAboutMailbox(reply(command, response)), false));
}

test('replies are of one kind by their codes, or else by their first words, which name nobody', () => {
  const kind = (response: string) => kindOf(reply('DATA', response));
  assert.equal(kind('550-5.7.26 This mail to ann@example.com\n550 5.7.26 x'), '550 5.7.26');
  assert.equal(kind('451 4.7.500 Server busy. Please try again later from [203.0.113.7]. (S77719)'), '451 4.7.500');
  assert.equal(kind('554 no'), '554 no');
  assert.equal(kind('554'), '554');
  assert.equal(
    kind('454 Throttling failure: Maximum sending rate exceeded.'),
    '454 throttling failure maximum sending rate exceeded',
  );
  assert.equal(
    kind('454 Throttling failure: Daily message quota exceeded.'),
    '454 throttling failure daily message quota exceeded',
  );
  assert.equal(kind('550 <ann@example.com>: bob-smith 4711 unknown to "carol@x"; id abc1'), '550 unknown to id');
  assert.equal(kind('550 ann@example.com is no\r\n550 friend'), '550 is no');
});
