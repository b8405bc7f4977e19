import { Type } from 'typebox';
import { platformErrors } from '../errors.ts';
import type { HttpServer } from './routes.ts';

/** Milliseconds; a slower probe counts as failed. */
const PROBE_TIME = 1000;

export type Probe = () => Promise<boolean>;

/** Probes of what the server needs, and of what it can do without for a while. */
export interface Probes {
  essential: Record<string, Probe>;
  helpful: Record<string, Probe>;
}

type Checks = Record<string, 'up' | 'down'>;

const PUBLIC = { access: 'public', limit: 'none', anyHost: true } as const;

/**
 * `/health`: the process answers. `/ready`: the server can work; 503 while an essential probe fails or the server is closing, `degraded`
 * while a helpful one fails. The answer contains names and states only: the owner of a probe logs the reasons.
 */
export function registerHealth(app: HttpServer, probes: Probes, isClosing: () => boolean): void {
  const check = shared(() => runProbes(probes));
  const alive = Type.Object({ status: Type.Literal('ok') }, { title: 'Health' });
  const ready = Type.Object(
    {
      status: Type.Unsafe<'ready' | 'degraded'>({ type: 'string', enum: ['ready', 'degraded'] }),
      checks: Type.Optional(
        Type.Unsafe<Checks>({
          type: 'object',
          additionalProperties: { type: 'string' },
          description: 'While degraded.',
        }),
      ),
    },
    { title: 'Readiness' },
  );

  for (const [url, operationId] of Object.entries({
    '/health': 'getHealth',
    '/api/v1/health/liveness': 'getLiveness',
  })) {
    const texts = { summary: 'Whether the process answers', description: 'Asks nothing of the database or of Redis.' };
    const schema = { operationId, ...texts, tags: ['Health'], response: { 200: alive } };
    app.get(url, { config: PUBLIC, schema }, async () => ({ status: 'ok' as const }));
  }
  for (const [url, operationId] of Object.entries({
    '/ready': 'getReady',
    '/api/v1/health/readiness': 'getReadiness',
  })) {
    const texts = {
      summary: 'Whether the server is ready',
      description: '503 without a database and during a shutdown; `degraded` without Redis, say.',
    };
    const schema = { operationId, ...texts, tags: ['Health'], response: { 200: ready } };
    app.get(url, { config: { ...PUBLIC, errors: ['unavailable'] }, schema }, async () => {
      if (isClosing()) throw platformErrors.unavailable({ members: { checks: { server: 'closing' } } });
      const checks = await check();
      const isDown = (name: string) => checks[name] === 'down';
      if (Object.keys(probes.essential).some(isDown)) throw platformErrors.unavailable({ members: { checks } });
      if (Object.keys(checks).some(isDown)) return { status: 'degraded' as const, checks };
      return { status: 'ready' as const };
    });
  }
}

async function runProbes(probes: Probes): Promise<Checks> {
  const states = Object.entries({ ...probes.essential, ...probes.helpful }).map(async ([name, probe]) => [
    name,
    (await holds(probe)) ? 'up' : 'down',
  ]);
  return Object.fromEntries(await Promise.all(states));
}

async function holds(probe: () => Promise<boolean>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), PROBE_TIME);
  try {
    return await Promise.race([probe(), late.promise]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** Concurrent callers share one run, so that probing this server does not load what it probes. */
function shared<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  return () => {
    running ??= run().finally(() => {
      running = null;
    });
    return running;
  };
}
