import { Agent, request } from 'node:http';
import type { Method } from './access-table.ts';
import { takesBody } from './world.ts';

const hex = (letter: string) => `%${letter.charCodeAt(0).toString(16)}`;

/** Writings of a path that mean the same to the router; its letters are encoded, its slashes are not. */
export const SAME: Record<string, (path: string) => string> = {
  'one letter encoded': (path) => path.replace('/admin', `/${hex('a')}dmin`),
  'all letters encoded': (path) => path.replace(/[a-z]/g, hex),
  'all letters encoded in upper case': (path) => path.replace(/[a-z]/g, (letter) => hex(letter).toUpperCase()),
};

/** Writings by which gates in front of other servers were passed. */
export const OTHER: Record<string, (path: string) => string> = {
  'upper case': (path) => path.toUpperCase(),
  'one letter in upper case': (path) => path.replace('/admin', '/Admin'),
  'trailing slash': (path) => `${path}/`,
  'leading double slash': (path) => `/${path}`,
  'inner double slash': (path) => path.replace('/admin', '//admin'),
  'single dot': (path) => path.replace('/admin', '/./admin'),
  'double dot': (path) => path.replace('/admin', '/auth/../admin'),
  'encoded dots': (path) => path.replace('/admin', '/auth/%2e%2e/admin'),
  'dots behind': (path) => `${path}/..`,
  'semicolon behind': (path) => `${path};x`,
  'semicolon within': (path) => path.replace('/admin', '/admin;x'),
  'encoded semicolon': (path) => `${path}%3bx`,
  'encoded slash': (path) => path.replace('/admin/', '/admin%2f'),
  'encoded last slash': (path) => path.replace(/\/([^/]*)$/, '%2F$1'),
  backslash: (path) => path.replace('/admin/', '/admin\\'),
  'encoded twice': (path) => path.replace('/admin', '/%2561dmin'),
  'encoded nothing behind': (path) => `${path}%00`,
  'encoded space behind': (path) => `${path}%20`,
  'broken encoding': (path) => `${path}%zz`,
  'overlong slash': (path) => path.replace('/admin/', '/admin%c0%af'),
  extension: (path) => `${path}.json`,
  'absolute form': (path) => `http://localhost${path}`,
  'encoded question mark': (path) => `${path}%3fx=1`,
  'query behind': (path) => `${path}?`,
  'fragment behind': (path) => `${path}#x`,
};

/** A client that sends paths as they are, where others tidy them first. It answers `200`, or `403 forbidden`: status and problem code. */
export function createRawClient(port: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    ask(method: Method, path: string, token: string | undefined): Promise<string> {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const body = takesBody(method) ? '{}' : '';
      const headers = {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== '' && { 'content-type': 'application/json', 'content-length': body.length }),
      };
      request({ agent, host: '127.0.0.1', port, method, path, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => {
          text += part;
        });
        response.on('end', () => {
          const isProblem = response.headers['content-type']?.startsWith('application/problem+json') ?? false;
          const code = isProblem && text !== '' ? ` ${JSON.parse(text).code}` : '';
          resolve(`${response.statusCode}${code}`);
        });
        response.on('error', reject);
      })
        .on('error', reject)
        .end(body);
      return promise;
    },
    close: () => agent.destroy(),
  };
}
