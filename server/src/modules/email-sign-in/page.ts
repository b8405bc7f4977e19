import { html } from '../../platform/html.ts';
import { pagePolicy, renderPage } from '../../platform/http/page.ts';
import type { RoutePlugin } from '../../platform/http/part.ts';
import { LINK_PAGE } from './mails.ts';
import { LINK_SCRIPT } from './page-script.ts';

const TITLE = 'Sign in';

/**
 * The page of the mailed link. The script sends the token together with the cookie of the browser that began, which alone can sign in: whoever
 * opens it elsewhere, such as a scanner of mails, uses nothing up and learns where the code goes.
 */
function linkPage(): string {
  const main = html`<div class="card">
<noscript><h1>${TITLE}</h1><p>This page needs JavaScript: the secret in your link is read by your browser only. Or enter the code of 8 digits from the same mail where you began to sign in.</p></noscript>
<section id="busy" role="status" hidden><h1>Signing you in …</h1><p>One moment.</p></section>
<section id="done" hidden><h1 tabindex="-1">You are signed in</h1><p id="go" hidden><a id="onward" href="">Go on</a></p><p id="stay">You can close this page and go on where you began.</p></section>
<section id="elsewhere" hidden><h1 tabindex="-1">Enter the code where you began</h1><p>This link signs in only in the browser in which you asked for it. Go back to that window, and enter the code of 8 digits from the same mail there.</p><p class="soft">If you did not ask to sign in, close this page. Nothing has happened.</p></section>
<section id="confirm" hidden><h1 tabindex="-1">Sign in on this device?</h1><p>You asked for this link in another browser. You can enter the code of 8 digits from the same mail there, or sign in here as <strong class="who"></strong>.</p><p class="soft">If you did not ask to sign in, close this page. Nothing has happened.</p><button id="here">Sign in here</button></section>
<section id="step" hidden><h1 tabindex="-1">One more step is needed</h1><p>Go back to the window where you began, and enter the code of 8 digits from the same mail there. It asks for the rest.</p></section>
<section id="spent" hidden><h1 tabindex="-1">This link does not work any more</h1><p>It was used already, is older than 10 minutes, or was damaged on its way. Enter the code from the mail where you began, or ask for a new mail there.</p></section>
<section id="missing" hidden><h1 tabindex="-1">The link is incomplete</h1><p>Open the whole link from the mail, with the part after “#”. Or enter the code of 8 digits from the same mail where you began to sign in.</p></section>
<section id="failed" hidden><h1 tabindex="-1">That did not work</h1><p id="problem" role="alert"></p><button id="again">Try again</button></section>
</div>`;
  return renderPage({ title: TITLE, main, script: LINK_SCRIPT });
}

/** Serves the page, which is rendered once, at the start. */
export function linkPageRoutes(): RoutePlugin {
  const page = linkPage();
  return async (app) => {
    app.get(
      LINK_PAGE,
      { schema: { hide: true }, config: { access: 'public', csp: pagePolicy({ script: LINK_SCRIPT }) } },
      async (_request, reply) => reply.type('text/html; charset=utf-8').send(page),
    );
  };
}
