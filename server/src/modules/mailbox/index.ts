import type { Part } from '../../platform/http/part.ts';
import type { Mailbox } from '../../platform/mail/mailbox.ts';
import { mailboxRoutes } from './routes.ts';

/** The page of the development mailbox, where there is one: `createMailboxPage({ mailbox })`. */
export function createMailboxPage({ mailbox }: { mailbox: Mailbox | null }): Part {
  return mailbox ? { pages: [mailboxRoutes({ mailbox })] } : {};
}
