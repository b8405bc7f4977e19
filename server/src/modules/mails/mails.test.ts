import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as adminMails from '../admin/mails.ts';
import * as keyMails from '../api-keys/mails.ts';
import * as accountMails from '../auth/account-mails.ts';
import * as authMails from '../auth/mails.ts';
import * as sessionMails from '../sessions/mails.ts';
import * as userMails from '../users/mails.ts';
import { LANGUAGES, languageFor } from './languages/languages.ts';
import type { MailText } from './layout.ts';
import { type Texts, writeMail } from './mail.ts';
import { phrasesIn } from './phrases.ts';

/** Every mail there is: the files hold mails, and nothing else. */
const MAILS = { ...adminMails, ...keyMails, ...authMails, ...accountMails, ...sessionMails, ...userMails };

type Mails = { [Name in keyof typeof MAILS]: (values: ValuesOf<(typeof MAILS)[Name]>) => MailText };
type ValuesOf<M> = M extends { texts: Texts<infer Values> } ? Values : never;

/** Each mail in the language of a locale. */
function mailsIn(locale: string): Mails {
  const writers = Object.entries(MAILS).map(([name, { texts }]) => [
    name,
    (values: never) => writeMail(texts as Texts<never>, locale, values),
  ]);
  return Object.fromEntries(writers) as Mails;
}

const AT = new Date('2026-11-20T13:05:00.000Z');
const CIRCUMSTANCES = { at: AT, ip: '192.0.2.1', device: 'Firefox on Linux' };
const KEY = { name: 'Nightly', isOwn: true, circumstances: CIRCUMSTANCES };
const LOCALES = Object.keys(LANGUAGES);
const RESET = 'https://auth.example.com/reset-password#token=abc';
const STOP = 'https://auth.example.com/stop-email-change#token=abc';
const INVITATION = 'https://auth.example.com/accept-invitation#token=abc';
const CODE = '7K2M-9XD4-RTAH-3WZ0';
const linkOf = (url: string) => ({ url, code: CODE, page: url.replace(/#.*/, '') });
const [RESET_LINK, INVITATION_LINK] = [linkOf(RESET), linkOf(INVITATION)];

/** Every mail there is, as it usually looks. */
function plain(mails: Mails): Record<keyof Mails, MailText> {
  return {
    verificationCode: mails.verificationCode({ code: '012345', expiresMinutes: 10, name: 'Ann' }),
    addressKnown: mails.addressKnown({ signInUrl: 'https://x.example/' }),
    welcome: mails.welcome({ name: 'Ann', url: 'https://x.example/' }),
    resetLink: mails.resetLink({ ...RESET_LINK, expiresMinutes: 30 }),
    invitation: mails.invitation({ ...INVITATION_LINK, expiresDays: 7, name: 'Ann' }),
    emailChangeCode: mails.emailChangeCode({ code: '012345', expiresMinutes: 10 }),
    emailMoveWaits: mails.emailMoveWaits({ newEmail: 'ann@example.com', until: AT, url: STOP }),
    emailMoved: mails.emailMoved({ newEmail: 'ann@example.com', at: AT, until: AT, url: STOP }),
    expiredInvitationAsked: mails.expiredInvitationAsked({ signInUrl: 'https://x.example/' }),
    deletedAccountAsked: mails.deletedAccountAsked({ byOwner: true, restorableUntil: AT }),
    deactivatedAccountAsked: mails.deactivatedAccountAsked(null),
    ownAddressCode: mails.ownAddressCode({ code: '012345', expiresMinutes: 10 }),
    emailChangeTaken: mails.emailChangeTaken({ isActive: true }),
    emailChanged: mails.emailChanged({ at: AT, newEmail: 'ann@example.com' }),
    emailChangedNew: mails.emailChangedNew(CIRCUMSTANCES),
    passwordChanged: mails.passwordChanged(CIRCUMSTANCES),
    newDevice: mails.newDevice({ ...CIRCUMSTANCES, country: 'DE' }),
    signInBlocked: mails.signInBlocked({ ...CIRCUMSTANCES, country: 'DE' }),
    sessionKilled: mails.sessionKilled(CIRCUMSTANCES),
    accountDeleted: mails.accountDeleted({ restorableUntil: AT }),
    keyMade: mails.keyMade({ ...KEY, isRotated: false }),
    keyExpiring: mails.keyExpiring({ ...KEY, expiresAt: AT }),
    keyInNewNetwork: mails.keyInNewNetwork(KEY),
    keyRefused: mails.keyRefused(KEY),
    keyReported: mails.keyReported(KEY),
  };
}

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

for (const locale of LOCALES) {
  const mails = mailsIn(locale);
  const { colon, tag: language } = LANGUAGES[locale as keyof typeof LANGUAGES];

  test(`${locale}: both parts of every mail say the same, and nothing is left open`, () => {
    const unknown = { at: AT, ip: '', device: null };
    const bare = {
      bareVerificationCode: mails.verificationCode({ code: '012345', expiresMinutes: 10 }),
      bareAddressKnown: mails.addressKnown({}),
      inactiveHolder: mails.emailChangeTaken({ isActive: false }),
      deletedBySomebody: mails.deletedAccountAsked({ byOwner: null, restorableUntil: AT }),
      deletedByAdministrator: mails.deletedAccountAsked({ byOwner: false, restorableUntil: AT }),
      bareWelcome: mails.welcome({}),
      bareResetLink: mails.resetLink(RESET_LINK),
      bareNewDevice: mails.newDevice(unknown),
      bareSignInBlocked: mails.signInBlocked(unknown),
      keyRotated: mails.keyMade({ ...KEY, isRotated: true }),
      serviceKeyMade: mails.keyMade({ ...KEY, isOwn: false, isRotated: false }),
      serviceKeyRotated: mails.keyMade({ ...KEY, isOwn: false, isRotated: true }),
      serviceKeyExpiring: mails.keyExpiring({ ...KEY, isOwn: false, expiresAt: AT }),
      serviceKeyInNewNetwork: mails.keyInNewNetwork({ ...KEY, isOwn: false, circumstances: unknown }),
      serviceKeyRefused: mails.keyRefused({ ...KEY, isOwn: false, circumstances: unknown }),
      serviceKeyReported: mails.keyReported({ ...KEY, isOwn: false }),
    };
    for (const [name, mail] of Object.entries({ ...plain(mails), ...bare })) {
      assert.match(mail.subject, /^[\p{L}][\p{L}\w '-]{3,60}$/u, name);
      assert.ok(mail.html.includes(`<html lang="${language}">`), name);
      const shown = visible(mail.html);
      for (const line of mail.text.split('\n').filter((text) => text.trim() !== '')) {
        const words = line.startsWith('  ') ? line.trim().replace(colon, ' ') : line;
        assert.ok(shown.includes(words.replace(/\s+/g, ' ')), `${name}: ${line}`);
      }
      assert.doesNotMatch(mail.text + mail.html, /undefined|null|NaN|Invalid|\[object/, name);
      assert.doesNotMatch(mail.html, /<script|<img|<link|url\(|\son\w+=/i, name);
    }
  });

  test(`${locale}: mails hold what they are for`, () => {
    const all = plain(mails);
    assert.match(all.verificationCode.text, /Ann[\s\S]*012345[\s\S]*10/);
    assert.match(all.resetLink.html, /href="https:\/\/auth\.example\.com\/reset-password#token=abc"/);
    assert.ok(all.resetLink.text.split('\n').includes(RESET));
    assert.match(all.resetLink.text, /30/);
    for (const mail of [all.resetLink, all.invitation]) {
      assert.ok(mail.text.split('\n').includes(`    ${CODE}`), mail.text);
      assert.match(mail.text, /https:\/\/auth\.example\.com\/(?:reset-password|accept-invitation) /);
    }
    assert.ok(all.invitation.text.split('\n').includes(INVITATION));
    assert.match(all.invitation.text, /Ann[\s\S]* 7 /);
    for (const mail of [all.passwordChanged, all.newDevice, all.signInBlocked, all.sessionKilled, all.emailChangedNew])
      assert.match(mail.text, /2026[\s\S]*13:05 UTC[\s\S]*Firefox on Linux[\s\S]*192\.0\.2\.1/);
    const abroad = { ...CIRCUMSTANCES, country: 'DE' };
    assert.deepEqual(mails.passwordChanged(abroad), all.passwordChanged);
    assert.deepEqual(mails.sessionKilled(abroad), all.sessionKilled);
    assert.notDeepEqual(mails.newDevice(CIRCUMSTANCES), all.newDevice);
    assert.match(all.accountDeleted.text, /20/);
    assert.match(all.emailChanged.text, /a\*\*\*@e\*\*\*\.com/);
    assert.doesNotMatch(all.emailChanged.text + all.emailChanged.html, /ann@|example\.com/);
    assert.match(all.addressKnown.text, /^https:\/\/x\.example\/$/m);
    assert.match(all.welcome.html, /href="https:\/\/x\.example\/"/);
  });

  test(`${locale}: what an attacker chose is shown as text, on one line, and never in the subject`, () => {
    const hostile = '<script>alert(1)</script>\r\nBcc: bob@evil.example\u2028\u202e"\'><a href=//evil>';
    const url = `https://x.example/"><script>alert(1)</script>`;
    const circumstances = { at: AT, ip: hostile, device: hostile, country: hostile };
    const fooled: Partial<Record<keyof Mails, MailText>> = {
      verificationCode: mails.verificationCode({ code: '012345', expiresMinutes: 10, name: hostile }),
      welcome: mails.welcome({ name: hostile }),
      resetLink: mails.resetLink({ ...RESET_LINK, url, expiresMinutes: 30 }),
      invitation: mails.invitation({ ...INVITATION_LINK, url, expiresDays: 7, name: hostile }),
      emailChanged: mails.emailChanged({ at: AT, newEmail: `${hostile}@${hostile}` }),
      emailChangedNew: mails.emailChangedNew(circumstances),
      passwordChanged: mails.passwordChanged(circumstances),
      newDevice: mails.newDevice(circumstances),
      signInBlocked: mails.signInBlocked(circumstances),
      sessionKilled: mails.sessionKilled(circumstances),
      keyMade: mails.keyMade({ name: hostile, isOwn: true, isRotated: false, circumstances }),
      keyExpiring: mails.keyExpiring({ name: hostile, isOwn: true, expiresAt: AT, circumstances }),
      keyRefused: mails.keyRefused({ name: hostile, isOwn: false, circumstances }),
    };
    const usual = plain(mails);
    for (const [name, mail] of Object.entries(fooled)) {
      assert.equal(mail.subject, usual[name as keyof Mails].subject, name);
      assert.doesNotMatch(mail.html, /<script|<a href=\/\/evil/i, name);
      assert.doesNotMatch(mail.text, /^\s*Bcc:|[\r\u2028\u202e]/m, name);
    }
    const long = mails.passwordChanged({ at: AT, ip: '192.0.2.1', device: 'x'.repeat(100_000) });
    assert.ok(long.text.length < 1000);
  });

  test(`${locale}: a greeting carries names, not messages`, () => {
    const greeted = (name: string | null) => mails.welcome({ name }).text.split('\n')[0];
    const nobody = greeted(null);
    for (const name of ['Ann', "Seán O'Neil", 'J. R. Tolkien', 'Jean-Luc', '山田太郎', 'मनीष']) {
      assert.ok(greeted(name)?.includes(name), name);
    }
    const messages = [
      'You won! Visit https://evil.example',
      'evil.example',
      'www.evil.example',
      'bob@evil.example',
      'Call 0900 123456',
    ];
    messages.push('a'.repeat(41), '<b>Ann</b>', '', ' ', '   .', 'Ann: pay now', 'x/y');
    for (const name of messages) assert.equal(greeted(name), nobody, name);
  });
}

test('English says it in English', () => {
  const mails = mailsIn('en');
  assert.match(plain(mails).verificationCode.text, /^Hello Ann,[\s\S]*012345[\s\S]*10 minutes/);
  assert.match(mails.verificationCode({ code: '1', expiresMinutes: 1 }).text, /^Hello,\n/);
  assert.match(plain(mails).passwordChanged.text, /20 November 2026(?: at|,) 13:05 UTC/);
  assert.match(plain(mails).newDevice.text, /Country: Germany/);
  assert.match(plain(mails).accountDeleted.text, /Until 20 November 2026 /);
  assert.match(mails.verificationCode({ code: '1', expiresMinutes: 1 }).text, /1 minute /);
  assert.match(
    mails.passwordChanged({ at: AT, ip: '', device: null }).text,
    /Device: unknown[\s\S]*IP address: unknown/,
  );
});

test('Chinese says it in Chinese: no English sentence is left', () => {
  const [english, chinese] = [plain(mailsIn('en')), plain(mailsIn('zh'))];
  for (const name of Object.keys(chinese) as (keyof Mails)[]) {
    // The HTML part has labels of links, too.
    const shown = chinese[name].text + visible(chinese[name].html);
    const words = shown.replaceAll('Firefox on Linux', '').replace(/https?:\S+/g, '');
    assert.doesNotMatch(words, /[A-Za-z]+\s+[A-Za-z]+\s+[A-Za-z]+/, name);
    assert.match(chinese[name].subject, /^[\p{Script=Han}]+$/u, name);
    assert.notEqual(chinese[name].subject, english[name].subject, name);
    assert.notEqual(chinese[name].text, english[name].text, name);
    assert.notEqual(chinese[name].html, english[name].html, name);
  }
  assert.match(chinese.welcome.text, /^Ann，您好：\n/);
  assert.match(mailsIn('zh').welcome({}).text, /^您好，\n/);
  assert.match(chinese.newDevice.text, /国家或地区：德国/);
  assert.match(chinese.passwordChanged.text, /2026年11月20日/);
  assert.match(mailsIn('zh').passwordChanged({ at: AT, ip: '', device: null }).text, /设备：未知[\s\S]*IP 地址：未知/);
});

test('all languages have the same mails, each of them with a subject of its own', () => {
  for (const [name, { texts }] of Object.entries(MAILS)) {
    assert.deepEqual(Object.keys(texts).sort(), Object.keys(LANGUAGES).sort(), name);
  }
  for (const locale of LOCALES) {
    const all = Object.values(plain(mailsIn(locale)));
    assert.equal(new Set(all.map((mail) => mail.subject)).size, all.length, locale);
  }
});

test('a language is made once, whatever locale asks for it', () => {
  const phrases = (locale: string | null) => phrasesIn(languageFor(locale));
  assert.equal(phrases('zh-CN'), phrases('zh-Hant-TW'));
  assert.equal(phrases(null), phrases('de'));
  assert.notEqual(phrases('zh'), phrases('en'));
});

test('a locale finds its language, and any other finds English', () => {
  for (const locale of ['zh', 'zh-CN', 'zh-Hant-TW', 'ZH']) assert.equal(languageFor(locale), 'zh', locale);
  for (const locale of [null, 'en', 'en-US', 'de', '', 'constructor', '__proto__', 'zhx', '-zh']) {
    assert.equal(languageFor(locale), 'en', String(locale));
  }
});
