import type { Config } from '../../platform/config/config.ts';
import { html } from '../../platform/html.ts';
import { renderPage } from '../../platform/http/page.ts';

const LABELS = {
  health: 'Health',
  docs: 'API documentation (Swagger UI)',
  redoc: 'API documentation (ReDoc)',
  openapi: 'OpenAPI document',
  mailbox: 'Development mailbox',
};

export interface Home {
  name: string;
  version: string;
  /** Absolute URLs. */
  links: Partial<Record<keyof typeof LABELS, string>>;
}

/** The answer of `GET /`: links only to what this configuration serves. */
export function describeHome(config: Config, version: string): Home {
  const at = (path: string) => `${config.publicUrl}${path}`;
  return {
    name: 'ostiary',
    version,
    links: {
      health: at('/health'),
      ...(config.http.docs ? { docs: at('/docs'), redoc: at('/redoc'), openapi: at('/openapi.json') } : {}),
      ...(config.environment !== 'production' && config.mail.smtpUrl === null ? { mailbox: at('/dev/mailbox') } : {}),
    },
  };
}

/** The same answer as HTML. */
export function homePage({ version, links }: Home): string {
  const known = (Object.keys(LABELS) as (keyof typeof LABELS)[]).flatMap((key) => {
    const url = links[key];
    return url === undefined ? [] : [html`<li><a href="${url}">${LABELS[key]}</a></li>`];
  });
  return renderPage({
    title: 'Ostiary',
    main: html`<div class="card">
<h1>Ostiary</h1>
<p>This server manages accounts and sessions. <span class="soft">Version ${version}</span></p>
<ul class="links">${known}</ul>
</div>`,
  });
}
