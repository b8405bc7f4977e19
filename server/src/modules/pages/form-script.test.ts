import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createContext, runInContext } from 'node:vm';
import { FORM_SCRIPT } from './form-script.ts';

interface Request {
  url: string;
  body: string;
}

type Listener = (event: { preventDefault(): void; target: { checked: boolean } }) => unknown;

/** As much of a browser as the script touches; node has none. */
function open(
  hash: string,
  fields: [string, string][],
  answer: () => Promise<Response>,
  { takesCode = false }: { takesCode?: boolean } = {},
) {
  const listeners = new Map<string, Listener>();
  const listen = (owner: string) => (name: string, listener: Listener) => listeners.set(`${owner} ${name}`, listener);
  const password = { type: 'password' };
  const button = { disabled: false };
  const form = {
    dataset: { to: 'api/v1/setup' },
    querySelector: () => button,
    querySelectorAll: () => [password],
    addEventListener: listen('form'),
    reset: () => fields.splice(0),
  };
  const parts: Record<string, { hidden: boolean; textContent: string; addEventListener: ReturnType<typeof listen> }> =
    {};
  for (const id of ['ask', 'missing', 'done', 'problem', 'reveal']) {
    parts[id] = { hidden: true, textContent: '', addEventListener: listen(id) };
  }
  const typed = takesCode ? { hidden: true, disabled: true } : null;
  if (takesCode) delete parts.missing;
  const location = { hash, pathname: '/setup', search: '' };
  const requests: Request[] = [];
  const context = createContext({
    document: {
      querySelector: (selector: string) => (selector === 'form' ? form : { focus: () => {} }),
      getElementById: (id: string) => (id === 'typed' ? typed : (parts[id] ?? null)),
    },
    location,
    history: {
      replaceState: (_state: null, _title: string, url: string) => {
        location.hash = new URL(url, 'http://localhost').hash;
      },
    },
    addEventListener: listen('window'),
    FormData: function FormData() {
      return fields;
    },
    fetch: (url: string, { body }: { body: string }) => {
      requests.push({ url, body });
      return answer();
    },
    URLSearchParams,
  });
  runInContext(FORM_SCRIPT, context);
  const fire = async (name: string, checked = false) => {
    await listeners.get(name)?.({ preventDefault: () => {}, target: { checked } });
    await setImmediate();
  };
  const shown = () => ['ask', 'missing', 'done'].filter((id) => parts[id]?.hidden === false);
  return { location, requests, fire, shown, typed, button, password, problem: () => parts.problem?.textContent };
}

const FIELDS: [string, string][] = [
  ['email', 'ann@example.com'],
  ['username', ''],
  ['password', ' a b '],
];
const created = async () => new Response('{"user":{}}', { status: 201 });

test('the token leaves the address bar at once and goes with the form, whose empty fields stay out', async () => {
  const page = open('#token=t%2B1', [...FIELDS], created);
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
});

test('without a token the page says so, until a link with one is opened in it', async () => {
  const page = open('', [], created);
  assert.deepEqual(page.shown(), ['missing']);
  page.location.hash = '#token=later';
  await page.fire('window hashchange');
  assert.deepEqual([page.location.hash, page.shown()], ['', ['ask']]);
});

test('a page that takes codes asks for one without a token, and sends it in place of the token', async () => {
  const fields: [string, string][] = [
    ['email', 'ann@example.com'],
    ['code', '7k2m 9xd4 rtah 3wz0'],
    ['newPassword', ' a b '],
  ];
  const page = open('', [...fields], created, { takesCode: true });
  assert.deepEqual([page.shown(), page.typed], [['ask'], { hidden: false, disabled: false }]);
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
  const page = open('#token=t', [['newPassword', ' a b ']], created, { takesCode: true });
  assert.deepEqual([page.shown(), page.typed], [['ask'], { hidden: true, disabled: true }]);
  await page.fire('form submit');
  assert.deepEqual(JSON.parse(page.requests[0]?.body ?? ''), { token: 't', newPassword: ' a b ' });
});

test('a refusal is shown in the words of the server, and the form can be sent again', async () => {
  const problem = {
    title: 'The request does not fit its schema.',
    detail: 'Choose another.',
    errors: [
      { in: 'body', path: '/email', message: 'This must be an e-mail address.' },
      { in: 'body', path: '/name', message: 'The request does not fit its schema.' },
    ],
  };
  const page = open('#token=t', [...FIELDS], async () => new Response(JSON.stringify(problem), { status: 400 }));
  await page.fire('form submit');
  assert.equal(
    page.problem(),
    'The request does not fit its schema.\nChoose another.\n/email: This must be an e-mail address.',
  );
  assert.deepEqual([page.shown(), page.button.disabled], [['ask'], false]);
  await page.fire('form submit');
  assert.equal(JSON.parse(page.requests[1]?.body ?? '').token, 't');
});

test('an answer that is no problem document, or none at all, is told plainly', async () => {
  const odd = open('#token=t', [...FIELDS], async () => new Response('<h1>Bad gateway</h1>', { status: 502 }));
  await odd.fire('form submit');
  assert.equal(odd.problem(), 'The server answered 502.');
  const away = open('#token=t', [...FIELDS], () => Promise.reject(new TypeError('failed')));
  await away.fire('form submit');
  assert.match(away.problem() ?? '', /cannot be reached/);
});

test('the password is shown on demand only', async () => {
  const page = open('#token=t', [...FIELDS], created);
  await page.fire('reveal change', true);
  assert.equal(page.password.type, 'text');
  await page.fire('reveal change', false);
  assert.equal(page.password.type, 'password');
});
