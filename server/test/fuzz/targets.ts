import type { Random } from './random.ts';
import type { FuzzRoute, Schema } from './routes.ts';
import { hostileText } from './values.ts';

/** The path of a route with something in the place of its parameters. */
export function pathOf(route: FuzzRoute, real: (name: string) => string, mark: string, random: Random): string {
  return route.url.replaceAll(/:(\w+)/g, (_all, name: string) => {
    if (random.chance(0.4)) return encodeURIComponent(real(name));
    return encodeText(hostileText(mark, random)) || '%20';
  });
}

/** Percent-encoded; a lone surrogate has no UTF-8, so its three bytes are written that an encoder must not write. */
function encodeText(text: string): string {
  return [...text]
    .map((letter) => (/^[\ud800-\udfff]$/u.test(letter) ? '%ed%a0%80' : encodeURIComponent(letter)))
    .join('');
}

/** A query for a route: honest, strange or none. */
export function queryOf({ query }: FuzzRoute, mark: string, random: Random): string {
  if (query === null && random.chance(0.85)) return '';
  const names = Object.keys((query?.properties ?? {}) as Record<string, Schema>);
  const parts = names
    .filter(() => random.chance(0.5))
    .map((name) => `${name}=${HONEST[name] && random.chance(0.6) ? HONEST[name] : queryValue(mark, random)}`);
  if (random.chance(0.3)) parts.push(strangeParameter(mark, random));
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** What some parameters must say before a handler sees them. */
const HONEST: Record<string, string> = { method: 'GET', path: '/api/v1/users/me' };

function queryValue(mark: string, random: Random): string {
  if (random.chance(0.4)) return String(1 + random.int(120));
  const value = random.pick([
    '',
    '0',
    '-1',
    '1e3',
    '1.5',
    '0x1',
    '1e999',
    'true',
    '10001',
    '9'.repeat(400),
    '1&page=2',
    `${mark}.${mark}.${mark}`,
  ]);
  return random.chance(0.5) ? value : encodeText(hostileText(mark, random)).slice(0, 2_000);
}

function strangeParameter(mark: string, random: Random): string {
  return random.pick([
    mark,
    `${mark}=${mark}`,
    `=${mark}`,
    `page[]=${mark}`,
    `page[$gt]=1`,
    'page=1&page=2',
    '__proto__=x',
    'constructor[prototype][x]=1',
    `a=%zz%c0%80${mark}`,
    '&&&&&=',
    'a=b&'.repeat(1_500),
    `x=${'y'.repeat(9_000)}`,
  ]);
}

/** Request targets that no client writes by accident; only a socket can send them. */
export function strangeTarget(path: string, mark: string, random: Random): string {
  const [, first = ''] = path.split('/');
  return random.pick([
    `/..${path}`,
    `/./${path}/../..${path}`,
    `/%2e%2e${path}`,
    `/%2E%2e%2f${path.slice(1)}`,
    `/${first}/..;${path}`,
    `/${path}`,
    `//${mark}.example${path}`,
    `http://${mark}.example${path}`,
    `https://user:${mark}@localhost${path}`,
    `ftp://${path}`,
    `*`,
    mark,
    path.slice(1),
    `?${mark}`,
    `#${mark}`,
    `${path}#${mark}`,
    `${path}?`,
    `${path}??${mark}=&&`,
    `${path};${mark}=1`,
    `${path}/`,
    `${path}//`,
    `${path}%00`,
    `${path}%00.${mark}`,
    `${path}%20`,
    `${path}.json`,
    `${path}\\..\\${mark}`,
    `${path}%5c..%5c${mark}`,
    path.toUpperCase(),
    path.replaceAll('/', '%2f'),
    path.replaceAll('/', '\\'),
    path.replaceAll(/[a-z]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    `${path}%`,
    `${path}/%zz`,
    `${path}/%c0%af%e0%80%af`,
    `${path}/%ff%fe`,
    `${path}/%ed%a0%80`,
    `${path}/%252e%252e`,
    `${path}/${mark}/${mark}`,
    `/${'a/'.repeat(3_000)}`,
    `${path}/${'x'.repeat(600)}`,
    `${path}/${'%41'.repeat(2_600)}`,
    `${path}?${'x'.repeat(8_200)}`,
    `${path}?${'x'.repeat(20_000)}`,
    `/${mark}\u00e9\u00ff`,
    `${path}/:id`,
    `${path}/*`,
    '/api/v1/users/by-name/%2e%2e',
    `/api/v1/users/by-name/${mark}%00`,
    `/api/v1/users/by-name/${'%F0%9F%98%80'.repeat(40)}`,
    `/api/v1/sessions/${'%2f'.repeat(30)}`,
    '/__proto__',
    '/constructor/prototype',
    '/docs/..%2f..%2f..%2f..%2fetc%2fpasswd',
    '/docs/static/..%5c..%5cpackage.json',
    '/docs/static/%2e%2e/%2e%2e/package.json',
    '/.env',
    '/data/secret.key',
  ]);
}
