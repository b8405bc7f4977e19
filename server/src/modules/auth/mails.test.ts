import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as mails from './mails.ts';

const AT = new Date('2026-11-20T13:05:00.000Z');
const CIRCUMSTANCES = { at: AT, ip: '192.0.2.1', device: 'Firefox on Linux' };

const PLAIN: Record<string, mails.MailText> = {
  verificationCode: mails.verificationCode({ code: '012345', expiresMinutes: 10, name: 'Ann' }),
  addressKnown: mails.addressKnown(),
  welcome: mails.welcome({ name: 'Ann' }),
  resetLink: mails.resetLink({ url: 'https://auth.example.com/reset-password#token=abc', expiresMinutes: 30 }),
  invitation: mails.invitation({
    url: 'https://auth.example.com/accept-invitation#token=abc',
    expiresDays: 7,
    name: 'Ann',
  }),
  emailChangeCode: mails.emailChangeCode({ code: '012345', expiresMinutes: 10 }),
  emailChangeTaken: mails.emailChangeTaken(),
  emailChanged: mails.emailChanged({ at: AT, newEmail: 'ann@example.com' }),
  passwordChanged: mails.passwordChanged(CIRCUMSTANCES),
  newDevice: mails.newDevice({ ...CIRCUMSTANCES, country: 'DE' }),
  sessionKilled: mails.sessionKilled(CIRCUMSTANCES),
  accountDeleted: mails.accountDeleted({ restorableUntil: AT }),
};

/** What people read of the HTML part. */
function visible(html: string): string {
  const body = html.slice(html.indexOf('<body'));
  const text = body
    .replace(/<[^>]*>/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"');
  return text.replace(/&#39;/g, "'").replace(/&amp;/g, '&').replace(/\s+/g, ' ');
}

test('both parts of every mail say the same, and nothing is left open', () => {
  for (const [name, mail] of Object.entries(PLAIN)) {
    assert.match(mail.subject, /^[A-Z][\w '-]{5,60}$/, name);
    const shown = visible(mail.html);
    for (const line of mail.text.split('\n').filter((text) => text.trim() !== '')) {
      const words = line.trim().replace(/^([A-Z][\w ]+): /, '$1 ');
      assert.ok(shown.includes(words.replace(/\s+/g, ' ')), `${name}: ${line}`);
    }
    assert.doesNotMatch(mail.text + mail.html, /undefined|null|NaN|Invalid|\[object/, name);
    assert.doesNotMatch(mail.html, /<script|<img|<link|url\(|\son\w+=/i, name);
  }
});

test('mails hold what they are for', () => {
  const { verificationCode, resetLink, invitation, passwordChanged, newDevice, accountDeleted, emailChanged } = PLAIN;
  assert.match(verificationCode?.text ?? '', /^Hello Ann,[\s\S]*012345[\s\S]*10 minutes/);
  assert.match(resetLink?.html ?? '', /href="https:\/\/auth\.example\.com\/reset-password#token=abc"/);
  assert.match(resetLink?.text ?? '', /^https:\/\/auth\.example\.com\/reset-password#token=abc$/m);
  assert.match(invitation?.text ?? '', /^Hello Ann,[\s\S]*accept-invitation#token=abc[\s\S]*7 days/);
  assert.match(
    passwordChanged?.text ?? '',
    /20 November 2026(?: at|,) 13:05 UTC[\s\S]*Firefox on Linux[\s\S]*192\.0\.2\.1/,
  );
  assert.match(newDevice?.text ?? '', /Country: Germany/);
  assert.match(accountDeleted?.text ?? '', /Until 20 November 2026 /);
  assert.match(emailChanged?.text ?? '', /New address: a\*\*\*@e\*\*\*\.com/);
  assert.doesNotMatch((emailChanged?.text ?? '') + emailChanged?.html, /ann@|example\.com/);
  assert.match(mails.addressKnown({ signInUrl: 'https://x.example/' }).text, /^https:\/\/x\.example\/$/m);
  assert.match(mails.welcome({ url: 'https://x.example/' }).html, /href="https:\/\/x\.example\/"/);
  assert.match(mails.verificationCode({ code: '1', expiresMinutes: 1 }).text, /1 minute /);
});

test('what an attacker chose is shown as text, on one line, and never in the subject', () => {
  const hostile = '<script>alert(1)</script>\r\nBcc: bob@evil.example\u2028\u202e"\'><a href=//evil>';
  const fooled: Record<string, mails.MailText> = {
    verificationCode: mails.verificationCode({ code: '012345', expiresMinutes: 10, name: hostile }),
    welcome: mails.welcome({ name: hostile }),
    resetLink: mails.resetLink({ url: `https://x.example/"><script>alert(1)</script>` }),
    invitation: mails.invitation({
      url: `https://x.example/"><script>alert(1)</script>`,
      expiresDays: 7,
      name: hostile,
    }),
    emailChanged: mails.emailChanged({ at: AT, newEmail: `${hostile}@${hostile}` }),
    passwordChanged: mails.passwordChanged({ at: AT, ip: hostile, device: hostile }),
    newDevice: mails.newDevice({ at: AT, ip: hostile, device: hostile, country: hostile }),
    sessionKilled: mails.sessionKilled({ at: AT, ip: hostile, device: hostile }),
  };
  for (const [name, mail] of Object.entries(fooled)) {
    assert.equal(mail.subject, PLAIN[name]?.subject, name);
    assert.doesNotMatch(mail.html, /<script|<a href=\/\/evil/i, name);
    assert.doesNotMatch(mail.text, /^\s*Bcc:|[\r\u2028\u202e]/m, name);
  }
  const long = mails.passwordChanged({ at: AT, ip: '192.0.2.1', device: 'x'.repeat(100_000) });
  assert.ok(long.text.length < 1000);
});

test('a greeting carries names, not messages', () => {
  const greeted = (name: string) => mails.welcome({ name }).text.split('\n')[0];
  for (const name of ['Ann', "Seán O'Neil", 'J. R. Tolkien', 'Jean-Luc', '山田太郎', 'मनीष'])
    assert.equal(greeted(name), `Hello ${name},`);
  const messages = [
    'You won! Visit https://evil.example',
    'evil.example',
    'www.evil.example',
    'bob@evil.example',
    'Call 0900 123456',
  ];
  messages.push('a'.repeat(41), '<b>Ann</b>', '', ' ', '   .', 'Ann: pay now', 'x/y');
  for (const name of messages) assert.equal(greeted(name), 'Hello,', name);
});
