import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage } from './form-script.testing.ts';

const FIELDS: [string, string][] = [
  ['email', 'ann@example.com'],
  ['username', ''],
  ['password', ' a b '],
];
const WITH_CODE: [string, string][] = [
  ['email', 'ann@example.com'],
  ['code', '7k2m 9xd4 rtah 3wz0'],
  ['newPassword', ' a b '],
];
const created = async () => new Response('{"user":{}}', { status: 201 });
const refused = (problem: object, status = 400, headers = {}) => {
  return async () => new Response(JSON.stringify(problem), { status, headers });
};
const NO_FIT = 'The request does not fit its schema.';

test('the token leaves the address bar at once and goes with the form, whose empty fields stay out', async () => {
  const page = openPage({ hash: '#token=t%2B1', fields: [...FIELDS], answer: created });
  assert.equal(page.location.hash, '');
  assert.deepEqual(page.shown(), ['ask']);
  await page.fire('form submit');
  assert.equal(page.requests[0]?.url, 'api/v1/setup');
  assert.deepEqual(JSON.parse(page.requests[0]?.body ?? ''), {
    token: 't+1',
    email: 'ann@example.com',
    password: ' a b ',
  });
  assert.deepEqual(page.shown(), ['done']);
  assert.deepEqual([page.title(), page.headings.get('done')?.focused], ['Heading of done', 1]);
});

test('without a token the page says so, until a link with one is opened in it', async () => {
  const page = openPage({ hash: '', fields: [], answer: created });
  assert.deepEqual([page.shown(), page.title()], [['missing'], 'Heading of missing']);
  page.location.hash = '#token=later';
  await page.fire('window hashchange');
  assert.deepEqual([page.location.hash, page.shown(), page.title()], ['', ['ask'], 'Heading of ask']);
});

test('a page that takes codes asks for one without a token, and sends it in place of the token', async () => {
  const page = openPage({ hash: '', fields: [...WITH_CODE], answer: created, takesCode: true });
  assert.deepEqual([page.shown(), page.typed?.hidden, page.typed?.disabled], [['ask'], false, false]);
  assert.equal(page.requests.length, 0, 'opening it uses nothing up');
  await page.fire('form submit');
  assert.deepEqual(JSON.parse(page.requests[0]?.body ?? ''), {
    email: 'ann@example.com',
    code: '7k2m 9xd4 rtah 3wz0',
    newPassword: ' a b ',
  });
  assert.deepEqual(page.shown(), ['done']);
});

test('with a token it does not ask for a code', async () => {
  const page = openPage({ hash: '#token=t', fields: [['newPassword', ' a b ']], answer: created, takesCode: true });
  assert.deepEqual([page.shown(), page.typed?.hidden, page.typed?.disabled], [['ask'], true, true]);
  await page.fire('form submit');
  assert.deepEqual(JSON.parse(page.requests[0]?.body ?? ''), { token: 't', newPassword: ' a b ' });
});

test('a fault of a field is said beside it and takes the focus there; nothing else is said', async () => {
  const errors = [
    { in: 'body', path: '/email', message: 'This must be an e-mail address.' },
    { in: 'body', path: '/password', message: 'This is too short.' },
    { in: 'body', path: '/password', message: 'This is too simple.' },
  ];
  const page = openPage({ hash: '#token=t', fields: [...FIELDS], answer: refused({ title: NO_FIT, errors }) });
  await page.fire('form submit');
  assert.deepEqual(['email', 'username', 'password'].map(page.isInvalid), [true, false, true]);
  assert.equal(page.faultOf('email'), 'This must be an e-mail address.');
  assert.equal(page.faultOf('password'), 'This is too short.\nThis is too simple.');
  assert.deepEqual([page.problem(), page.title()], ['', 'Error: Heading of ask']);
  assert.deepEqual([page.inputs.get('email')?.focused, page.inputs.get('password')?.focused], [1, 0]);
  await page.fire('form submit');
  assert.equal(page.faultOf('email'), 'This must be an e-mail address.', 'not said twice');
  assert.equal(JSON.parse(page.requests[1]?.body ?? '').token, 't', 'the form can be sent again');
});

test('what is about no field that can be seen is said above the button', async () => {
  const errors = [
    { in: 'body', path: '/name', message: NO_FIT },
    { in: 'body', path: '/code', message: 'This is wrong.' },
  ];
  const fields: [string, string][] = [...WITH_CODE];
  const answer = refused({ title: NO_FIT, detail: 'Choose another.', errors });
  const page = openPage({ hash: '#token=t', fields, answer, takesCode: true });
  const code = page.inputs.get('code');
  if (code) code.disabled = true;
  await page.fire('form submit');
  assert.equal(page.problem(), `${NO_FIT}\nChoose another.\n/code: This is wrong.`);
  assert.equal(page.isInvalid('code'), false);
  assert.deepEqual(page.shown(), ['ask']);
});

test('a link that is not taken is explained in the words of the page', async () => {
  const noToken = { code: 'token_invalid', title: 'This token is wrong, used, or expired.' };
  const tooLong = { code: 'validation_failed', title: NO_FIT, errors: [{ path: '/token', message: 'Too long.' }] };
  for (const problem of [noToken, tooLong, { code: 'not_found', title: 'This resource does not exist.' }]) {
    const page = openPage({ hash: '#token=t', fields: [...FIELDS], answer: refused(problem) });
    await page.fire('form submit');
    assert.deepEqual([page.problem(), page.shown()], ['This link is spent.', ['ask']]);
  }
});

test('after a link that is not taken, the code of the mail can be typed, and goes without the token', async () => {
  let answer = refused({ code: 'token_invalid', title: 'This token is wrong, used, or expired.' });
  const page = openPage({ hash: '#token=cut', fields: [...WITH_CODE], answer: () => answer(), takesCode: true });
  await page.fire('form submit');
  assert.deepEqual([page.typed?.hidden, page.typed?.disabled], [false, false]);
  assert.equal(page.problem(), 'This link is spent.');
  answer = created;
  await page.fire('form submit');
  assert.equal(JSON.parse(page.requests[1]?.body ?? '').token, undefined);
  assert.deepEqual(page.shown(), ['done']);
});

test('while it waits for the answer, the form is not sent again, and the button keeps the focus', async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const page = openPage({ hash: '#token=t', fields: [...FIELDS], answer: () => promise });
  const both = [page.fire('form submit'), page.fire('form submit')];
  assert.equal(page.requests.length, 1);
  const looks = () => [page.button.textContent, page.button.attributes.get('aria-disabled'), page.button.disabled];
  assert.deepEqual(looks(), ['One moment …', 'true', false]);
  resolve(await created());
  await Promise.all(both);
  assert.deepEqual([looks(), page.shown()], [['Send', 'false', false], ['done']]);
});

test('how long to wait is said, and under which number the log has it', async () => {
  const limited = { title: 'Too many requests; try again later.', requestId: 'r1' };
  const soon = openPage({ hash: '#token=t', fields: [], answer: refused(limited, 429, { 'retry-after': '60' }) });
  await soon.fire('form submit');
  assert.equal(soon.problem(), 'Too many requests. Try again in 60 seconds.');
  const later = openPage({ hash: '#token=t', fields: [], answer: refused(limited, 429, { 'retry-after': '121' }) });
  await later.fire('form submit');
  assert.equal(later.problem(), 'Too many requests. Try again in 3 minutes.');
  const broken = { title: 'Something went wrong on our side.', requestId: 'r2' };
  const page = openPage({ hash: '#token=t', fields: [], answer: refused(broken, 500) });
  await page.fire('form submit');
  assert.equal(page.problem(), 'Something went wrong on our side.\nRequest r2');
});

test('an answer that is no problem document, or none at all, is told plainly', async () => {
  const answer = async () => new Response('<h1>Bad gateway</h1>', { status: 502 });
  const odd = openPage({ hash: '#token=t', fields: [...FIELDS], answer });
  await odd.fire('form submit');
  assert.equal(odd.problem(), 'The server answered 502. Try again in a moment.');
  const none = () => Promise.reject(new TypeError('failed'));
  const away = openPage({ hash: '#token=t', fields: [...FIELDS], answer: none });
  await away.fire('form submit');
  assert.match(away.problem() ?? '', /cannot be reached/);
});

test('the password is shown on demand only, and no longer once it is set', async () => {
  const page = openPage({ hash: '#token=t', fields: [...FIELDS], answer: created });
  const typeNow = () => page.inputs.get('password')?.type;
  await page.fire('reveal change', true);
  assert.equal(typeNow(), 'text');
  await page.fire('reveal change', false);
  assert.equal(typeNow(), 'password');
  await page.fire('reveal change', true);
  await page.fire('form submit');
  assert.equal(typeNow(), 'password');
});
