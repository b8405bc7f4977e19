import { type Html, html } from '../../platform/html.ts';
import { renderPage } from '../../platform/http/page.ts';
import { FORM_SCRIPT } from './form-script.ts';

/** Maximum length of a password, in characters; the same as in the API. */
const PASSWORD_LIMIT = 1024;

interface FormPage {
  title: string;
  /** The URL that the form is sent to, relative to the page, so that it works below any path of `PUBLIC_URL`. */
  to: string;
  lead: string;
  fields: Html;
  button: string;
  /** Whether the form asks for a password. */
  password?: boolean;
  done: { title: string; text: string };
  /** What to do about a link that the server does not take. */
  spent: string;
  /** Where the secret is, for somebody who opened the page without it. */
  missing: { title: string; text: string } | { code: string };
}

function formPage({ title, to, lead, fields, button, password = true, done, spent, missing }: FormPage): string {
  const reveal = html`<label class="choice"><input type="checkbox" id="reveal"> Show the password</label>
`;
  const main = html`<div class="card">
<noscript><h1>${title}</h1><p>This page needs JavaScript: the secret in your link is read by your browser only. Allow it for this page, and open the link again.</p></noscript>
${'title' in missing ? html`<section id="missing" hidden><h1>${missing.title}</h1><p>${missing.text}</p></section>` : null}
<section id="done" hidden><h1 tabindex="-1">${done.title}</h1><p>${done.text}</p></section>
<section id="ask" hidden>
<h1>${title}</h1>
<p>${lead}</p>
<form method="post" data-to="${to}" data-spent="${spent}">
${'code' in missing ? codeFields(missing.code) : null}
${fields}
${password ? reveal : null}<p id="problem" role="alert"></p>
<button>${button}</button>
</form>
</section>
</div>`;
  return renderPage({ title, main, script: FORM_SCRIPT });
}

interface Field {
  id: string;
  /** By default the id. */
  name?: string;
  label: string;
  optional?: boolean;
  hint?: string;
  /** Attributes of the input: our own markup. */
  input: Html;
}

/** A labelled input. What is wrong with it is written below it by the script. */
function field({ id, name = id, label, optional = false, hint, input }: Field): Html {
  const mark = optional ? html` <span class="optional">(optional)</span>` : null;
  const help = hint === undefined ? null : html`<p id="${id}-hint" class="soft">${hint}</p>\n`;
  return html`<div class="field">
<label for="${id}">${label}${mark}</label>
<input id="${id}" name="${name}" ${input} aria-describedby="${id}-fault${hint === undefined ? '' : ` ${id}-hint`}">
<p id="${id}-fault" class="fault"></p>
${help}</div>
`;
}

/** For a link that was damaged on its way. The script shows them if the address has no token, and sends them in its place. */
function codeFields(hint: string): Html {
  return html`<fieldset id="typed" hidden disabled>
<legend>Enter your e-mail address and the code from the mail with the link.</legend>
${emailField(html``)}${field({
  id: 'code',
  label: 'Code from the mail',
  hint,
  input: html`class="code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="64" required`,
})}</fieldset>`;
}

/** Password managers keep the password under this address. */
function emailField(more: Html): Html {
  const input = html`type="email" autocomplete="username" maxlength="254" required${more}`;
  return field({ id: 'email', label: 'E-mail', input });
}

function usernameField(): Html {
  const input = html`autocomplete="off" autocapitalize="none" spellcheck="false" minlength="2" maxlength="32"`;
  return field({ id: 'username', label: 'Username', optional: true, input });
}

function passwordField(name: string, minLength: number): Html {
  return field({
    id: 'password',
    name,
    label: 'New password',
    hint: `At least ${minLength} characters. A few unrelated words make a good one.`,
    input: html`type="password" autocomplete="new-password" required minlength="${minLength}" maxlength="${PASSWORD_LIMIT}"`,
  });
}

/** The page of the setup link, which the server prints while there is no superadmin. `minLength`: of passwords, in characters. */
export function setupPage(minLength: number): string {
  return formPage({
    title: 'Create the first administrator',
    to: 'api/v1/setup',
    lead: 'This account may do everything. The link works once, for 30 minutes.',
    fields: html`${emailField(html` autofocus`)}${usernameField()}${passwordField('password', minLength)}`,
    button: 'Create the account',
    done: {
      title: 'The administrator has been created',
      text: 'Sign in with this e-mail address and password. The setup link no longer works.',
    },
    spent:
      'This setup link was used already, has expired, or is not complete. While there is no administrator, every start of the server prints a fresh one.',
    missing: {
      title: 'The setup link is incomplete',
      text: 'Open the whole link that the server printed when it started, with the part after “#”. While there is no administrator, every start prints a fresh one.',
    },
  });
}

/** The page of the link in a password-reset mail. */
export function resetPasswordPage(minLength: number): string {
  return formPage({
    title: 'Choose a new password',
    to: 'api/v1/auth/reset-password',
    lead: 'Afterwards you are signed out everywhere and sign in again with the new password.',
    fields: passwordField('newPassword', minLength),
    button: 'Change the password',
    done: {
      title: 'Your password has been changed',
      text: 'You can close this page and sign in with the new password.',
    },
    spent:
      'This link was used already, has expired, or was damaged on its way. Enter the code from the mail, or ask for a new mail where you sign in.',
    missing: {
      code: 'The mail with the link also has a code of 16 letters and digits. If it is older than 30 minutes or was used already, ask for a new one.',
    },
  });
}

/** The page of the link in an invitation. */
export function acceptInvitationPage(minLength: number): string {
  return formPage({
    title: 'Accept your invitation',
    to: 'api/v1/auth/accept-invitation',
    lead: 'Choose the password of your new account. The link works once.',
    fields: html`${field({ id: 'fullName', label: 'Name', optional: true, input: html`autocomplete="name" maxlength="100"` })}${usernameField()}${passwordField('password', minLength)}`,
    button: 'Accept',
    done: {
      title: 'Your account is ready',
      text: 'You can close this page and sign in with your e-mail address and this password.',
    },
    spent:
      'This link was used already, has expired, or was damaged on its way. Enter the code from the mail, or ask the person who invited you for a new one.',
    missing: {
      code: 'The mail with the link also has a code of 16 letters and digits. If it is older than 7 days or was used already, ask the person who invited you for a new one.',
    },
  });
}

/** The page of the link that is mailed to the old address when an administrator gives an account another one. */
export function stopEmailChangePage(): string {
  return formPage({
    title: 'Stop the change of your e-mail address',
    to: 'api/v1/auth/stop-email-change',
    lead: 'A change that has not taken effect yet ends. If it has, the account is locked until an administrator has looked into it.',
    fields: html``,
    password: false,
    button: 'Stop the change',
    done: {
      title: 'The change has been stopped',
      text: 'If it had taken effect already, the account is now locked. If you did not expect the change, tell the people who run this service.',
    },
    spent:
      'This link was used already, has expired, or was damaged on its way. If you did not expect the change of your address, tell the people who run this service.',
    missing: {
      title: 'The link is incomplete',
      text: 'Open the whole link from the mail, with the part after “#”.',
    },
  });
}

/** The page of the link that is mailed when a reset of second factors begins to wait. */
export function stopFactorResetPage(): string {
  return formPage({
    title: 'Keep your second factors',
    to: 'api/v1/auth/stop-factor-reset',
    lead: 'They will be removed, as the mail says, unless you press the button before that time.',
    fields: html``,
    password: false,
    button: 'Keep them',
    done: {
      title: 'Your second factors stay',
      text: 'If you did not ask for their removal, somebody may know your password: change it.',
    },
    spent:
      'This link was used already, has expired, or was damaged on its way. If your second factors are gone and you did not expect it, tell the people who run this service.',
    missing: {
      title: 'The link is incomplete',
      text: 'Open the whole link from the mail, with the part after “#”.',
    },
  });
}
