import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';
import type { Config } from '../config/config.ts';

/** For answers that are data: nothing may be loaded, framed or submitted (OWASP REST security cheat sheet). */
const DATA_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The header fields that every answer carries, in lower case, computed once at the start: running helmet for each
 * request costs several times as much as sending its fields. `Strict-Transport-Security` only where people reach us by HTTPS.
 */
export function securityHeaders(config: Config): Record<string, string> {
  const apply = helmet({
    contentSecurityPolicy: false,
    strictTransportSecurity: config.publicUrl.startsWith('https:'),
    xFrameOptions: { action: 'deny' },
  });
  const request = new IncomingMessage(new Socket());
  const answer = new ServerResponse(request);
  apply(request, answer, () => {});
  const fields = Object.entries(answer.getHeaders()).map(([name, value]) => [name, String(value)]);
  return { ...Object.fromEntries(fields), 'content-security-policy': DATA_POLICY, 'cache-control': 'no-store' };
}
