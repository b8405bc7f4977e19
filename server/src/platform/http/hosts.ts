import type { FastifyRequest } from 'fastify';

/**
 * Tells whether a request names one of our hosts; `*.example.org` stands for any name below it. Links and cookies are never
 * made from the `Host` field, but caches and proxies in front may be misled by it. Null when any name is served.
 */
export function createHostCheck(trustedHosts: string[]): ((request: FastifyRequest) => boolean) | null {
  if (trustedHosts.length === 0) return null;
  const lower = trustedHosts.map((host) => host.toLowerCase());
  const exact = new Set(lower);
  const suffixes = lower.filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
  return (request) => {
    const name = hostname(request.host);
    return exact.has(name) || suffixes.some((suffix) => name.endsWith(suffix) && name.length > suffix.length);
  };
}

function hostname(host: string): string {
  const port = host.lastIndexOf(':');
  const name = port > host.lastIndexOf(']') ? host.slice(0, port) : host;
  return name.toLowerCase();
}
