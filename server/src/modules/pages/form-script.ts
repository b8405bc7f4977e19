/**
 * Runs in the browser, on every page whose link carries a token in its fragment. First, the token is removed from the address bar, and
 * so from the history; it stays in memory until the form is sent. Without a token, the page asks for the code of the mail. A string, because it is sent to the browser as it is.
 */
export const FORM_SCRIPT = `
(() => {
  'use strict';
  const form = document.querySelector('form');
  const button = form.querySelector('button');
  const problem = document.getElementById('problem');
  // Fields for the code of a mail; the setup page has none.
  const typed = document.getElementById('typed');
  let token = null;

  function readToken() {
    const found = new URLSearchParams(location.hash.slice(1)).get('token');
    history.replaceState(null, '', location.pathname + location.search);
    if (found) token = found;
    if (typed) typed.hidden = typed.disabled = token !== null;
    show(token || typed ? 'ask' : 'missing');
  }

  function show(id) {
    for (const name of ['ask', 'missing', 'done']) {
      const part = document.getElementById(name);
      if (part) part.hidden = name !== id;
    }
  }

  async function send(body) {
    let answer;
    try {
      answer = await fetch(form.dataset.to, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, application/problem+json' },
        body: JSON.stringify(body),
        // Lets an answer that signs the user in set its cookie; no request of these pages needs one.
        credentials: 'same-origin',
      });
    } catch {
      return 'The server cannot be reached. Try again in a moment.';
    }
    if (answer.ok) return null;
    const { title, detail, errors } = await answer.json().catch(() => ({}));
    const faults = (errors || []).filter(({ message }) => message !== title).map(({ path, message }) => path + ': ' + message);
    return [title || 'The server answered ' + answer.status + '.', detail, ...faults].filter(Boolean).join('\\n');
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const body = token === null ? {} : { token };
    for (const [name, value] of new FormData(form)) if (value !== '') body[name] = value;
    button.disabled = true;
    problem.textContent = '';
    const fault = await send(body);
    button.disabled = false;
    if (fault !== null) {
      problem.textContent = fault;
      return;
    }
    token = null;
    form.reset();
    show('done');
    document.querySelector('#done h1').focus();
  });

  document.getElementById('reveal')?.addEventListener('change', (event) => {
    for (const input of form.querySelectorAll('[autocomplete=new-password]')) input.type = event.target.checked ? 'text' : 'password';
  });
  addEventListener('hashchange', readToken);
  readToken();
})();
`;
