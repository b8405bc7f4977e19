import type { Config } from '../config/config.ts';
import { platformErrors } from '../errors.ts';
import { isOurOrigin } from './origin.ts';

const MESSAGE = 'This must be an address of this server, of PAGES_URL, or of an origin in CORS_ORIGINS.';

/**
 * The page to go on to after a sign-in, in its normal form; null if none was given. Paths are relative to `PAGES_URL`. Only pages of exactly an
 * origin that is ours are taken (RFC 9700, 4.11: no open redirect). Throws `validation_failed`.
 */
export function toReturnTo(input: string | undefined, config: Config): string | null {
  if (input === undefined) return null;
  const url = URL.parse(input, `${config.pagesUrl}/`);
  // `blob:https://app.example.com/…` has that origin, too; and a name before the `@` misleads whoever reads the address.
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  const isOurs = isPlain && (isOurOrigin(url.origin, config) || url.origin === new URL(config.pagesUrl).origin);
  if (!isOurs) throw platformErrors.validation_failed({ errors: [{ path: '/returnTo', message: MESSAGE }] });
  return url.href;
}
