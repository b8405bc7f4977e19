/**
 * Runs in the browser, on the page of the link that signs in. The token is removed from the address bar, and so from the history, before it is
 * sent. Trying it uses nothing up unless this is the browser that began, so the page need not wait for a press. A string, because it
 * is sent to the browser as it is.
 */
export const LINK_SCRIPT = `
(() => {
  'use strict';
  const part = (id) => document.getElementById(id);
  const parts = ['busy', 'done', 'elsewhere', 'confirm', 'step', 'spent', 'missing', 'failed'];
  let token = null;
  let elsewhere = false;

  function show(id) {
    for (const name of parts) part(name).hidden = name !== id;
    const heading = document.querySelector('#' + id + ' h1');
    document.title = heading.textContent;
    if (heading.hasAttribute('tabindex')) heading.focus();
  }

  // Null: the server could not be reached.
  async function send() {
    try {
      return await fetch('api/v1/auth/email-code/verify', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, application/problem+json' },
        body: JSON.stringify(elsewhere ? { token, elsewhere } : { token }),
        credentials: 'same-origin',
        signal: AbortSignal.timeout(30000),
      });
    } catch {
      return null;
    }
  }

  function done({ returnTo }) {
    token = null;
    show('done');
    if (!returnTo) return;
    part('stay').hidden = true;
    part('go').hidden = false;
    part('onward').href = returnTo;
    location.replace(returnTo);
  }

  function fail(title) {
    part('problem').textContent = title;
    show('failed');
  }

  function refuse({ code, title, confirm, hint }, answer) {
    if (code === 'step_required') return show('step');
    if (code === 'code_invalid' || code === 'validation_failed' || code === 'email_sign_in_off') return show('spent');
    if (code === 'link_elsewhere') {
      document.querySelector('.who').textContent = hint.email;
      return show(confirm ? 'confirm' : 'elsewhere');
    }
    const seconds = Number(answer.headers.get('retry-after'));
    const when = seconds > 90 ? Math.ceil(seconds / 60) + ' minutes.' : seconds + ' seconds.';
    if (!title) return fail('The server answered ' + answer.status + '. Try again in a moment.');
    fail(seconds > 0 ? title.replace(/;.*/, '.') + ' Try again in ' + when : title);
  }

  async function signIn() {
    show('busy');
    const answer = await send();
    if (answer === null) return fail('The server cannot be reached. Try again in a moment.');
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) done(said);
    else refuse(said, answer);
  }

  function readToken() {
    const found = new URLSearchParams(location.hash.slice(1)).get('token');
    history.replaceState(null, '', location.pathname + location.search);
    if (found) {
      token = found;
      elsewhere = false;
      signIn();
    } else if (token === null) show('missing');
  }

  part('here').addEventListener('click', () => {
    elsewhere = true;
    signIn();
  });
  part('again').addEventListener('click', signIn);
  addEventListener('hashchange', readToken);
  readToken();
})();
`;
