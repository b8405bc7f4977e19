import type { Config } from '../../platform/config/config.ts';
import { prefersJson } from '../../platform/http/accept.ts';
import { pagePolicy } from '../../platform/http/page.ts';
import type { RoutePlugin } from '../../platform/http/part.ts';
import { FORM_SCRIPT } from './form-script.ts';
import {
  acceptInvitationPage,
  resetPasswordPage,
  setupPage,
  stopEmailChangePage,
  stopFactorResetPage,
} from './forms.ts';
import { describeHome, homePage } from './home.ts';

const HTML = 'text/html; charset=utf-8';

export interface PageRoutesOptions {
  config: Config;
  version: string;
}

/** The server's own pages: `/`, `/setup`, `/reset-password`, `/accept-invitation`, `/stop-email-change`, `/stop-factor-reset`. All are rendered once, at the start. */
export function pageRoutes({ config, version }: PageRoutesOptions): RoutePlugin {
  const home = describeHome(config, version);
  const homeHtml = homePage(home);
  const forms = {
    '/setup': setupPage(config.passwords.minLength),
    '/reset-password': resetPasswordPage(config.passwords.minLength),
    '/accept-invitation': acceptInvitationPage(config.passwords.minLength),
    '/stop-email-change': stopEmailChangePage(),
    '/stop-factor-reset': stopFactorResetPage(),
  };

  return async (app) => {
    app.get(
      '/',
      { schema: { hide: true }, config: { access: 'public', csp: pagePolicy() } },
      async (request, reply) => {
        reply.header('vary', 'Accept');
        return prefersJson(request.headers.accept) ? home : reply.type(HTML).send(homeHtml);
      },
    );
    for (const [path, page] of Object.entries(forms)) {
      app.get(
        path,
        { schema: { hide: true }, config: { access: 'public', csp: pagePolicy({ script: FORM_SCRIPT }) } },
        async (_request, reply) => reply.type(HTML).send(page),
      );
    }
  };
}
