import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { LightMyRequestResponse } from 'fastify';
import { pino } from 'pino';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load-config.ts';
import { createKeyedHash } from '../crypto/keyed-hash.ts';
import { type ErrorTable, platformErrors } from '../errors.ts';
import { createCounters } from '../limits/counters.ts';
import { logOptions } from '../telemetry/log.ts';
import type { Actor, SessionActor } from './caller.ts';
import { createRouteCatalogue } from './catalogue.ts';
import { createHttpServer, type HttpServer, type HttpServerOptions } from './server.ts';

export const NOW = new Date('2026-11-20T12:00:00.000Z');

/** A person who has just signed in by their password; `authTime`: another time of that. */
export function personOf(userId: string, fields: Partial<Actor> & { authTime?: Date } = {}): SessionActor {
  const sessionId = '0190b4a2-0000-7000-8000-0000000000a1';
  const { authTime = NOW, ...rest } = fields;
  return {
    subject: { kind: 'person', id: userId },
    via: { kind: 'session', id: sessionId, clientId: 'ostiary', expiresAt: NOW.getTime() + 900_000 },
    emailVerified: true,
    roleIds: [],
    organizationId: null,
    scopes: null,
    assurance: { aal: 1, phishingResistant: false, authTime, methods: ['password'] },
    actingFor: null,
    ...rest,
    userId,
    sessionId,
    sessionEpoch: 0,
  };
}

export const ADA = personOf('0190b4a2-0000-7000-8000-00000000000a');

export interface TestServerOptions {
  config?: Partial<Pick<Config, 'environment' | 'publicUrl'>>;
  http?: Partial<Config['http']>;
  rateLimits?: Config['rateLimits'];
  slowRequest?: number;
  /** Bearer tokens and their actors; any other token is refused. */
  tokens?: Record<string, Actor>;
  authenticate?: HttpServerOptions['authenticate'];
  authorize?: HttpServerOptions['authorize'];
  rateOf?: HttpServerOptions['rateOf'];
  catalogue?: HttpServerOptions['catalogue'];
  probes?: HttpServerOptions['probes'];
  errors?: ErrorTable;
  routes?: (app: HttpServer) => unknown;
}

export interface TestServer {
  app: HttpServer;
  /** The log so far. */
  lines: Record<string, unknown>[];
}

/** A server with the production set-up, a clock that is frozen at `NOW`, and a log in memory. Closed after the test. */
export async function testServer(t: TestContext, options: TestServerOptions = {}): Promise<TestServer> {
  const lines: Record<string, unknown>[] = [];
  const log = pino(logOptions('debug'), { write: (line: string) => void lines.push(JSON.parse(line)) });
  const app = await createHttpServer({
    config: configOf(t, options),
    log,
    clock: () => NOW,
    authenticate: options.authenticate ?? bearer(options.tokens ?? { 'token-of-ada': ADA }),
    authorize: options.authorize ?? (() => 'not_granted'),
    rateOf: options.rateOf ?? (() => null),
    counters: options.rateLimits?.enabled ? createCounters(null, createKeyedHash(Buffer.from('of the tests'))) : null,
    catalogue: options.catalogue ?? createRouteCatalogue(),
    errorTable: { ...platformErrors.table, ...options.errors },
    probes: options.probes ?? { essential: {}, helpful: {} },
    version: '0.0.0',
  });
  t.after(() => app.close());
  await options.routes?.(app);
  return { app, lines };
}

function configOf(t: TestContext, { config: top, http, rateLimits, slowRequest }: TestServerOptions): Config {
  const cwd = mkdtempSync(join(tmpdir(), 'ostiary-http-'));
  t.after(() => rmSync(cwd, { recursive: true, force: true }));
  const { config } = loadConfig({ env: { ENVIRONMENT: 'test', RATE_LIMITS: 'off', DATA_DIR: cwd }, cwd });
  return {
    ...config,
    ...top,
    http: { ...config.http, docs: false, ...http },
    rateLimits: rateLimits ?? config.rateLimits,
    log: { ...config.log, slowRequest: slowRequest ?? 60_000 },
  };
}

function bearer(tokens: Record<string, Actor>): HttpServerOptions['authenticate'] {
  return ({ headers }) => {
    if (headers.authorization === undefined) return null;
    const actor = tokens[headers.authorization.replace(/^Bearer /, '')];
    if (actor === undefined) throw platformErrors.unauthenticated();
    return actor;
  };
}

/** Fails unless this is a complete problem document (RFC 9457) of that code. */
export function assertProblem(
  answer: Pick<LightMyRequestResponse, 'statusCode' | 'headers' | 'body'>,
  status: number,
  code: string,
) {
  const problem = JSON.parse(answer.body) as Record<string, unknown>;
  assert.equal(answer.statusCode, status);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assert.equal(problem.status, status);
  assert.equal(problem.code, code);
  assert.equal(problem.type, `/docs/errors#${code}`);
  assert.equal(typeof problem.title, 'string');
  assert.equal(problem.requestId, answer.headers['x-request-id']);
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  return problem;
}

export async function listen(app: HttpServer): Promise<number> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
}

/** Opens a connection and closes it after the test. */
export async function open(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** All bytes until the other side ends the connection. */
export async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  // A reset after the answer is an end, too, on which `once` would reject.
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

/** Sends raw bytes and reads the single answer. */
export async function exchange(t: TestContext, port: number, bytes: string | Buffer) {
  const socket = await open(t, port);
  socket.write(bytes);
  return parseAnswer(await readAll(socket));
}

export function parseAnswer(text: string): { statusCode: number; headers: Record<string, string>; body: string } {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [statusLine = '', ...fields] = head.split('\r\n');
  const headers = Object.fromEntries(
    fields.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  return { statusCode: Number(statusLine.split(' ')[1]), headers, body: rest.join('\r\n\r\n') };
}
