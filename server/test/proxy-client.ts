import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, isIPv6 } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { AUTHORITY } from './certificates.ts';
import { FIREFOX } from './client.ts';

/** How a client reaches a proxy. */
export interface Way {
  port: number;
  /** For `Host`, and the name that TLS asks for. */
  host: string;
  /** The address of the proxy; `127.0.0.1` by default. */
  at?: string;
  /** The address of this machine that the client comes from. */
  from?: string;
  /** The address that a balancer in front reports by the PROXY protocol, which the proxy then expects. */
  reported?: string;
  /** By TLS, with a certificate of the test authority. */
  tls?: boolean;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json<T>(): T;
}

export interface Asking {
  body?: unknown;
  token?: string;
  /** A list is a field for each value. */
  headers?: Record<string, string | string[]>;
}

/** The port of the client that the PROXY protocol reports. */
const CLIENT_PORT = 52113;

/** Sends one request on a connection of its own. */
export async function ask(way: Way, method: string, path: string, asking: Asking = {}): Promise<Answer> {
  const { body, token, headers } = asking;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(
    {
      method,
      path,
      createConnection: () => open(way),
      headers: {
        host: way.host,
        'user-agent': FIREFOX,
        connection: 'close',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...headers,
      },
    },
    (answer) => {
      text(answer).then((said) => {
        const { statusCode: status = 0, headers } = answer;
        resolve({ status, headers, text: said, json: () => JSON.parse(said) });
      }, reject);
    },
  );
  sent.on('error', reject);
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

function open({ port, host, at = '127.0.0.1', from, reported, tls = false }: Way) {
  const source = { host: at, port, ...(from && { localAddress: from }) };
  if (tls) {
    const options = { ca: AUTHORITY, servername: host, ALPNProtocols: ['http/1.1'] };
    // It is for localhost: whom it was made for is no matter of these tests.
    return connectTls({ ...source, ...options, checkServerIdentity: () => undefined });
  }
  const socket = connect(source);
  if (reported !== undefined) {
    const [family, to] = isIPv6(reported) ? ['TCP6', '2001:db8::100'] : ['TCP4', '192.0.2.100'];
    socket.write(`PROXY ${family} ${reported} ${to} ${CLIENT_PORT} 443\r\n`);
  }
  return socket;
}
