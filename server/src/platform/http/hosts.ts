import type { FastifyRequest } from 'fastify';

/**
 * Tells whether a request names one of our hosts; `*.example.org` is any subdomain. Links and cookies are never
 * made from the `Host` field, but it may mislead caches and proxies in front. Null if any name is served.
 */
export function createHostCheck(trustedHosts: string[]): ((request: FastifyRequest) => boolean) | null {
  if (trustedHosts.length === 0) return null;
  const lower = trustedHosts.map((host) => host.toLowerCase());
  const exact = new Set(lower);
  const suffixes = lower.filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
  return (request) => {
    const name = hostname(request.host);
    if (name === null) return false;
    return exact.has(name) || suffixes.some((suffix) => name.endsWith(suffix) && name.length > suffix.length);
  };
}

/** Null for anything but a name or address with an optional port (RFC 9110, 7.2): other software might read a different name in it. */
function hostname(host: string): string | null {
  return /^([\w.-]+|\[[\da-f:.]+\])(?::\d*)?$/i.exec(host)?.[1]?.toLowerCase() ?? null;
}
