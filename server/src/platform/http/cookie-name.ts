import { createHash } from 'node:crypto';

export interface CookieNames {
  name: string;
  /** What the version before called it; null: the same. Only read: another server on this host may own it. */
  former: string | null;
}

/** The port of a server whose cookies have no port in their name. */
const USUAL_PORTS: Record<string, string> = { 'https:': '', 'http:': '8000' };

/**
 * Names of a cookie. Browsers keep the cookies of a host together, whatever the port and, for `Path=/`, the path (RFC 6265bis, 8.5 and
 * 8.6): where `PUBLIC_URL` has an unusual port or a path, the name has them, too, so that two servers on one host do not overwrite
 * each other's. `__Host-` (4.1.3.2) demands `Path=/`. `kind`: `''` or such as `-device`.
 */
export function cookieNames(publicUrl: string, kind: string): CookieNames {
  const { protocol, port, pathname } = new URL(publicUrl);
  const base = protocol === 'https:' ? '__Host-ostiary' : 'ostiary';
  const path = pathname.replace(/\/+$/, '');
  const marks = [
    ...(port === USUAL_PORTS[protocol] ? [] : [port === '' ? '80' : port]),
    ...(path === '' ? [] : [createHash('sha256').update(path).digest('hex').slice(0, 8)]),
  ];
  const usual = `${base}${kind}`;
  if (marks.length === 0) return { name: usual, former: null };
  return { name: `${[base, ...marks].join('-')}${kind}`, former: usual };
}
