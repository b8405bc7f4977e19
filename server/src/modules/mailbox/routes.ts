import { prefersJson } from '../../platform/http/accept.ts';
import { pagePolicy } from '../../platform/http/page.ts';
import type { RoutePlugin } from '../../platform/http/part.ts';
import type { Mailbox } from '../../platform/mail/mailbox.ts';
import { mailboxPage } from './mailbox-page.ts';

/** `GET /dev/mailbox`: all sent mails, newest first, as a page or as JSON. Never in production: it shows codes and links. */
export function mailboxRoutes({ mailbox }: { mailbox: Pick<Mailbox, 'list'> }): RoutePlugin {
  return async (app) => {
    app.get(
      '/dev/mailbox',
      {
        schema: { hide: true },
        config: {
          access: 'public',
          environments: ['development', 'test'],
          limit: 'none',
          csp: pagePolicy({ styleAttributes: true }),
        },
      },
      async (request, reply) => {
        const mails = await mailbox.list();
        reply.header('vary', 'Accept');
        if (prefersJson(request.headers.accept)) return mails;
        return reply.type('text/html; charset=utf-8').send(mailboxPage(mails));
      },
    );
  };
}
