import type { Part } from '../../platform/http/part.ts';
import type { Mailbox } from '../../platform/mail/mailbox.ts';
import { watchEach } from '../../platform/websocket/watch-each.ts';
import { mailboxRoutes } from './routes.ts';

/** Serves the page of the development mailbox, and tells of new mails, if there is one: `createMailboxPage({ mailbox })`. */
export function createMailboxPage({ mailbox }: { mailbox: Mailbox | null }): Part {
  if (mailbox === null) return {};
  // Whichever process sends a mail writes a file: they are looked at.
  const look = async () => {
    const mails = await mailbox.list();
    return new Map(mails.map(({ id, sentAt }) => [`mail:${id}`, { state: sentAt, kind: 'sent' }]));
  };
  return {
    pages: [mailboxRoutes({ mailbox })],
    topics: [{ name: 'mailbox', permission: 'GET:/dev/mailbox', watch: watchEach(look) }],
  };
}
