import type { FastifyRequest } from 'fastify';
import type { AppError } from '../errors.ts';
import { html } from '../html.ts';
import { renderPage } from './page.ts';

/**
 * Whether a person waits for a page: a browser goes to an address of its own accord (W3C Fetch Metadata), and not to the API, whose
 * answers developers open there as they are. Scripts and programs do not send this field.
 */
export function isVisit({ method, url, headers }: Pick<FastifyRequest, 'method' | 'url' | 'headers'>): boolean {
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && !url.startsWith('/api/');
}

export interface ProblemPage {
  requestId: string;
  /** The path of `PUBLIC_URL`. */
  publicPath: string;
  /** Seconds until it is worth trying again. */
  retryAfter?: string;
}

/** A problem document for people: what happened, what to do, and where to go on. */
export function problemPage(error: AppError, { requestId, publicPath, retryAfter }: ProblemPage): string {
  const { code, status, message, extras } = error;
  const title = code === 'not_found' ? 'There is no page at this address.' : message;
  const wait = retryAfter === undefined ? null : html`<p>Try again in ${retryAfter} seconds.</p>\n`;
  return renderPage({
    title,
    main: html`<div class="card">
<h1>${title}</h1>
${extras.detail === undefined ? null : html`<p>${extras.detail}</p>\n`}${wait}<p><a href="${publicPath}/">Go to the start page</a></p>
<p class="soft">Error ${status} <code>${code}</code><br>Request <code>${requestId}</code></p>
</div>`,
  });
}
