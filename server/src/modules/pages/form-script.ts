/**
 * Runs in the browser, on every page whose link carries a token in its fragment. First, the token is removed from the address bar, and
 * so from the history; it stays in memory until the form is sent. A string, because it is sent to the browser as it is.
 */
export const FORM_SCRIPT = `
(() => {
  'use strict';
  const form = document.querySelector('form');
  const button = form.querySelector('button');
  const problem = document.getElementById('problem');
  let token = null;

  function readToken() {
    const found = new URLSearchParams(location.hash.slice(1)).get('token');
    history.replaceState(null, '', location.pathname + location.search);
    if (found) token = found;
    show(token ? 'ask' : 'missing');
  }

  function show(id) {
    for (const part of ['ask', 'missing', 'done']) document.getElementById(part).hidden = part !== id;
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
    const body = { token };
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
