import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import type { App } from '../src/app.ts';
import type { Module } from '../src/module.ts';
import { MINUTE } from '../src/platform/clock.ts';
import type { Config } from '../src/platform/config/config.ts';
import { loadConfig } from '../src/platform/config/load-config.ts';
import { connectDatabase } from '../src/platform/database/database.ts';
import type { CredentialKind } from '../src/platform/http/credential-kind.ts';
import type { HttpServer } from '../src/platform/http/server.ts';
import { createMailbox, type MailboxMail } from '../src/platform/mail/mailbox.ts';
import type { Jobs } from '../src/platform/queue/jobs.ts';
import { createLog } from '../src/platform/telemetry/log.ts';
import { openApp } from '../src/start.ts';
import { codesOf } from './openapi-document.ts';
import { PATIENCE } from './patience.ts';

export interface TestApp {
  app: App;
  config: Config;
  /** The clock that the server goes by; it stands still until it is moved. */
  time: { now: Date; forward(milliseconds: number): void };
  /** Delivers all events that are due, and runs the jobs that are. */
  work(): Promise<void>;
  /** Delivers all events that are due and runs the jobs that follow; then the mails to this address, the newest first. */
  mailsTo(address: string): Promise<MailboxMail[]>;
  close(): Promise<void>;
}

/** Where the clock of a test stands at first. */
export const NOON = new Date('2026-11-20T12:00:00.000Z');

/**
 * The whole server, composed as it is in production, on a database of its own: with a clock that stands still, the cheapest password
 * hashing, the development mailbox, and without rate limits unless `env` says otherwise. Requests go through `app.http.inject`.
 */
export async function openTestApp(options: {
  databaseUrl: string;
  env?: Record<string, string>;
  /** A folder that another instance uses, too. */
  dataDir?: string;
  time?: TestApp['time'];
  /** Milliseconds that hashing and decryption may keep a request waiting. Without end by default: tests come in crowds, on busy machines. */
  longestWait?: number;
  /** By how much the database may be slower than in production: tests come in crowds, on busy machines. 1 where it goes away. */
  patience?: number;
  /** More kinds of credentials than the product has. */
  credentials?: readonly CredentialKind[];
  /** Modules that are kept outside of this repository. */
  modules?: readonly Module[];
  /** More routes than the product has. */
  routes?: (app: HttpServer) => unknown;
  /** More jobs than the product has. */
  jobs?: (jobs: Jobs) => unknown;
}): Promise<TestApp> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'ostiary-test-')));
  const { config } = loadConfig({
    env: {
      ENVIRONMENT: 'test',
      DATA_DIR: dataDir,
      DATABASE_URL: options.databaseUrl,
      PUBLIC_URL: 'http://localhost:8000',
      SECRET_KEY: 'the secret key of the tests, 0123456789',
      ARGON2_MEMORY: '8mb',
      ARGON2_PASSES: '1',
      RATE_LIMITS: 'off',
      DOCS: 'off',
      API_KEYS: 'on',
      LOG_LEVEL: 'silent',
      ...options.env,
    },
    cwd: dataDir,
  });
  const time = options.time ?? standingClock();
  const log = createLog(config.log);
  const { url, poolSize } = config.database;
  const { patience = PATIENCE } = options;
  const database = await connectDatabase({ url, poolSize, slowQuery: config.log.slowQuery, log, patience });
  const { longestWait = Infinity, credentials = [], modules = [] } = options;
  const waits = { longestWait, blindAfter: MINUTE, patience };
  const given = { config, database, log, clock: () => time.now, ...waits, credentials, modules };
  const { app, close } = await openApp(given).catch(async (error) => {
    await database.close();
    throw error;
  });
  const mailbox = createMailbox({ dir: join(dataDir, 'mailbox'), clock: () => time.now });
  await options.routes?.(app.http);
  options.jobs?.(app.jobs);
  await app.start();
  await app.http.ready();
  // Servers with routes of their own have a document of their own.
  const undocumented = watchCodes(app, options.routes ? null : JSON.stringify(options.env ?? {}));
  async function work(): Promise<void> {
    await app.relay.deliverDue();
    await app.queue.drain();
  }
  return {
    app,
    config,
    time,
    work,
    async mailsTo(address) {
      await work();
      return (await mailbox.list()).filter((mail) => mail.to === address);
    },
    async close() {
      await app.http.close();
      await close();
      await database.close();
      if (!options.dataDir) await rm(dataDir, { recursive: true, force: true });
      assert.deepEqual([...undocumented], [], 'A route answers with a code that it does not list.');
    },
  };
}

/** The OpenAPI documents of the servers of this process, by what their routes depend on. */
const documents = new Map<string, ReturnType<HttpServer['openapi']>>();

/** Answers to injected requests whose code or status the OpenAPI document does not list for their operation; filled as they come. */
function watchCodes({ http, catalogue }: App, variant: string | null): Set<string> {
  const describe = () => {
    if (variant === null) return http.openapi();
    const document = documents.get(variant) ?? http.openapi();
    documents.set(variant, document);
    return document;
  };
  const undocumented = new Set<string>();
  const inject = http.inject.bind(http) as (request: InjectOptions | string) => Promise<LightMyRequestResponse>;
  const watched = async (request: InjectOptions | string) => {
    const response = await inject(request);
    const isProblem = String(response.headers['content-type']).startsWith('application/problem+json');
    // The answer to HEAD has no body.
    if (!isProblem || response.body === '') return response;
    const { method = 'GET', url = '/' } = response.raw.req;
    const route = catalogue.match(method === 'HEAD' ? 'GET' : method, url.split('?', 1)[0] ?? '/');
    const document = await describe();
    const operation = route && document.paths[route.path]?.[route.method.toLowerCase()];
    const { status, code } = response.json();
    if (operation && !codesOf(document, operation.responses[status] ?? {}).includes(code))
      undocumented.add(`${route.code} ${status} ${code}`);
    return response;
  };
  http.inject = watched as typeof http.inject;
  return undocumented;
}

/** A clock that moves only by hand. */
export function standingClock(): TestApp['time'] {
  return {
    now: NOON,
    forward(milliseconds) {
      this.now = new Date(this.now.getTime() + milliseconds);
    },
  };
}
