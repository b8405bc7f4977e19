import type { Part } from '../../platform/http/part.ts';
import type { Mailbox } from '../../platform/mail/mailbox.ts';
import { mailboxRoutes } from './routes.ts';

/** Serves the page of the development mailbox, if there is one: `createMailboxPage({ mailbox })`. */
export function createMailboxPage({ mailbox }: { mailbox: Mailbox | null }): Part {
  return mailbox ? { pages: [mailboxRoutes({ mailbox })] } : {};
}
