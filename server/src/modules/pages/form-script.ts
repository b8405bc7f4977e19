/**
 * Runs in the browser, on every page whose link carries a token in its fragment. First, the token is removed from the address bar, and
 * so from the history; it stays in memory until the form is sent. Without a token, the page asks for the code of the mail. What is wrong
 * with a field is said beside it, the rest above the button. A string, because it is sent to the browser as it is.
 */
export const FORM_SCRIPT = `
(() => {
  'use strict';
  const form = document.querySelector('form');
  const button = form.querySelector('button');
  const label = button.textContent;
  const problem = document.getElementById('problem');
  // Fields for the code of a mail; the setup page has none.
  const typed = document.getElementById('typed');
  let token = null;
  let busy = false;

  function readToken() {
    const found = new URLSearchParams(location.hash.slice(1)).get('token');
    history.replaceState(null, '', location.pathname + location.search);
    if (found) token = found;
    clear();
    ask();
  }

  function ask() {
    if (typed) typed.hidden = typed.disabled = token !== null;
    show(token || typed ? 'ask' : 'missing');
  }

  function show(id) {
    for (const name of ['ask', 'missing', 'done']) {
      const part = document.getElementById(name);
      if (part) part.hidden = name !== id;
    }
    document.title = document.querySelector('#' + id + ' h1').textContent;
  }

  function clear() {
    problem.textContent = '';
    for (const input of form.querySelectorAll('[aria-invalid]')) {
      input.removeAttribute('aria-invalid');
      document.getElementById(input.id + '-fault').textContent = '';
    }
    document.title = document.title.replace(/^Error: /, '');
  }

  // A button that is disabled would lose the focus, and the person her place on the page.
  function wait(on) {
    busy = on;
    button.setAttribute('aria-disabled', on);
    button.textContent = on ? 'One moment …' : label;
  }

  // Null if it went well; else what is wrong: { title, detail?, errors? }.
  async function send(body) {
    let answer;
    try {
      answer = await fetch(form.dataset.to, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, application/problem+json' },
        body: JSON.stringify(body),
        // Lets an answer that signs the user in set its cookie; no request of these pages needs one.
        credentials: 'same-origin',
        signal: AbortSignal.timeout(30000),
      });
    } catch {
      return { title: 'The server cannot be reached. Try again in a moment.' };
    }
    if (answer.ok) return null;
    const fault = await answer.json().catch(() => ({}));
    if (!fault.title) return { title: 'The server answered ' + answer.status + '. Try again in a moment.' };
    const seconds = Number(answer.headers.get('retry-after'));
    if (seconds > 0) fault.title = fault.title.replace(/;.*/, '.') + ' Try again in ' + (seconds > 90 ? Math.ceil(seconds / 60) + ' minutes.' : seconds + ' seconds.');
    if (answer.status >= 500) fault.detail = [fault.detail, 'Request ' + fault.requestId].filter(Boolean).join('\\n');
    return fault;
  }

  // The field that a fault is about, if the person can see it.
  function inputOf({ path }) {
    const input = form.elements.namedItem(path.slice(1));
    return input && !input.matches(':disabled') ? input : null;
  }

  function tell({ code, title, detail, errors = [] }) {
    if (code === 'token_invalid' || code === 'not_found' || errors.some(({ path }) => path === '/token')) {
      // Used, expired, of a setup that is over, or damaged on its way: then the code of the same mail is still good, and goes without the token.
      [title, detail, errors] = [form.dataset.spent, undefined, []];
      if (typed) {
        token = null;
        ask();
      }
    }
    const placed = errors.filter(inputOf);
    const others = errors.filter((fault) => !inputOf(fault) && fault.message !== title);
    for (const fault of placed) {
      const input = inputOf(fault);
      const said = document.getElementById(input.id + '-fault');
      input.setAttribute('aria-invalid', true);
      said.textContent = [said.textContent, fault.message].filter(Boolean).join('\\n');
    }
    const head = placed.length > 0 && others.length === 0 ? null : title;
    problem.textContent = [head, detail, ...others.map(({ path, message }) => path + ': ' + message)].filter(Boolean).join('\\n');
    document.title = 'Error: ' + document.title;
    form.querySelector('[aria-invalid]')?.focus();
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (busy) return;
    const body = token === null ? {} : { token };
    for (const [name, value] of new FormData(form)) if (value !== '') body[name] = value;
    clear();
    wait(true);
    const fault = await send(body);
    wait(false);
    if (fault !== null) {
      tell(fault);
      return;
    }
    token = null;
    form.reset();
    reveal(false);
    show('done');
    document.querySelector('#done h1').focus();
  });

  function reveal(on) {
    for (const input of form.querySelectorAll('[autocomplete=new-password]')) input.type = on ? 'text' : 'password';
  }

  document.getElementById('reveal')?.addEventListener('change', (event) => reveal(event.target.checked));
  addEventListener('hashchange', readToken);
  readToken();
})();
`;
