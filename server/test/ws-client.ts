import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import type { App } from '../src/app.ts';
import { until } from './until.ts';

export type Message = Record<string, unknown>;

/** A client of the WebSocket, by a library that others wrote; keeps what it was sent. */
export interface WsClient {
  socket: WebSocket;
  messages: Message[];
  /** The code with which the connection ended; waits for it. */
  closed: Promise<number>;
  send(message: unknown): void;
  /** The first message, also of the past, that has these members; it is taken out. */
  next(members: Message): Promise<Message>;
}

/** Where an app listens: at a free port, from the first call on. */
export async function listen({ http }: App): Promise<number> {
  const listening = listeners.get(http) ?? http.listen({ host: '127.0.0.1', port: 0 });
  listeners.set(http, listening);
  await listening;
  return (http.server.address() as AddressInfo).port;
}

const listeners = new WeakMap<object, Promise<string>>();

export interface ConnectOptions {
  token?: string;
  headers?: Record<string, string>;
  path?: string;
}

/** Opens a connection; with a token as a browser sends it. Rejects with the status if the handshake is refused. */
export async function connectWs(app: App, options: ConnectOptions = {}): Promise<WsClient> {
  const { token, headers = {}, path = '/api/v1/ws' } = options;
  const protocols = token === undefined ? [] : ['ostiary.v1', `bearer.${token}`];
  const socket = new WebSocket(`ws://127.0.0.1:${await listen(app)}${path}`, protocols, { headers });
  const messages: Message[] = [];
  socket.on('message', (text) => messages.push(JSON.parse(String(text))));
  const closed = once(socket, 'close').then(([code]) => code as number);
  closed.catch(() => {});
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('unexpected-response', (_request, response) => {
      response.resume();
      reject(new Error(`status ${response.statusCode}`));
    });
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  return {
    socket,
    messages,
    closed,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    next: (members) =>
      until(`a message ${JSON.stringify(members)}`, () => {
        const place = messages.findIndex((message) => hasAll(message, members));
        return place < 0 ? null : (messages.splice(place, 1)[0] ?? null);
      }),
  };
}

/** A connection that has shown who it is. */
export async function follow(app: App, token: string, topics: string[] = []): Promise<WsClient> {
  const client = await connectWs(app, { token });
  const { ready } = await client.next({});
  assert.ok(ready, 'the first message says that it is ready');
  if (topics.length > 0) client.send({ subscribe: topics });
  for (const subscribed of topics) await client.next({ subscribed });
  return client;
}

const hasAll = (message: Message, members: Message): boolean =>
  Object.entries(members).every(([name, value]) => message[name] === value);
