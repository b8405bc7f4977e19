import { Type } from 'typebox';
import { platformErrors } from '../errors.ts';
import type { HttpServer } from './routes.ts';

/** A probe that takes longer counts as failed, in milliseconds. */
const PROBE_TIME = 1000;

export type Probe = () => Promise<boolean>;

/** What the server cannot do its work without, and what it does without for a while. */
export interface Probes {
  essential: Record<string, Probe>;
  helpful: Record<string, Probe>;
}

type Checks = Record<string, 'up' | 'down'>;

const PUBLIC = { access: 'public', limit: 'none', anyHost: true } as const;

/**
 * `/health`: the process answers. `/ready`: it can do its work; 503 while an essential probe fails or the server is closing, `degraded`
 * while a helpful one does. Only names and states are told: reasons are for the log of whoever owns the probe.
 */
export function registerHealth(app: HttpServer, probes: Probes, isClosing: () => boolean): void {
  const check = shared(() => runProbes(probes));
  const alive = Type.Object({ status: Type.Literal('ok') });
  const ready = Type.Object({
    status: Type.Unsafe<'ready' | 'degraded'>({ type: 'string', enum: ['ready', 'degraded'] }),
    checks: Type.Optional(
      Type.Unsafe<Checks>({ type: 'object', additionalProperties: { type: 'string' }, description: 'While degraded.' }),
    ),
  });

  for (const url of ['/health', '/api/v1/health/liveness']) {
    const schema = { summary: 'Whether the process answers', tags: ['health'], response: { 200: alive } };
    app.get(url, { config: PUBLIC, schema }, async () => ({ status: 'ok' as const }));
  }
  for (const url of ['/ready', '/api/v1/health/readiness']) {
    const schema = { summary: 'Whether the server can do its work', tags: ['health'], response: { 200: ready } };
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

/** Callers that come while a run is on the way share it, so that probing us does not become a load on what we probe. */
function shared<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  return () => {
    running ??= run().finally(() => {
      running = null;
    });
    return running;
  };
}
