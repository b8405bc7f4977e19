import { type Html, html } from '../../platform/html.ts';
import { renderPage } from '../../platform/http/page.ts';
import type { MailboxMail } from '../../platform/mail/mailbox.ts';

/** Number of mails on the page; the JSON has all. */
const SHOWN = 50;
const URL_IN_TEXT = /(https?:\/\/[^\s<>"']+)/;

/**
 * Shows mails without trusting them: the HTML part is in a frame without scripts and without our origin. Its links open in a new page.
 */
export function mailboxPage(mails: MailboxMail[]): string {
  const more =
    mails.length > SHOWN ? html`<p class="soft">${mails.length - SHOWN} older mails are in the JSON answer.</p>` : null;
  const none = mails.length === 0 ? html`<p>No mail has been sent yet.</p>` : null;
  return renderPage({
    title: 'Development mailbox',
    wide: true,
    styleAttributes: true,
    main: html`<h1>Development mailbox</h1>
<p class="soft">Mails are kept here instead of being sent. <a href="">Reload</a></p>
${none}${mails.slice(0, SHOWN).map(oneMail)}${more}`,
  });
}

function oneMail({ to, subject, text, html: markup, sentAt }: MailboxMail, index: number): Html {
  const framed = `<base target="_blank">${markup}`;
  return html`<details${index === 0 ? html` open` : null}>
<summary><strong>${subject}</strong><br><span class="soft">to ${to}, <time datetime="${sentAt}">${readable(sentAt)}</time></span></summary>
<div>
<pre>${linked(text)}</pre>
<iframe title="HTML part" loading="lazy" referrerpolicy="no-referrer" sandbox="allow-popups allow-popups-to-escape-sandbox" srcdoc="${framed}"></iframe>
</div>
</details>
`;
}

/** `2026-11-30 11:15:53 UTC`. */
function readable(time: string): string {
  return `${time.slice(0, 19).replace('T', ' ')} UTC`;
}

function linked(text: string): Html[] {
  return text
    .split(URL_IN_TEXT)
    .map((part, index) =>
      index % 2 === 1 ? html`<a href="${part}" target="_blank" rel="noopener noreferrer">${part}</a>` : html`${part}`,
    );
}
