import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openScene, type Scene } from '../scenario.ts';
import { collectRoutes } from './routes.ts';
import { newTally, runInputs, type Tally } from './run.ts';
import { runRaw } from './run-raw.ts';
import { createWorld } from './world.ts';

export interface FuzzPlan {
  seed: number;
  /** Inputs to a server without rate limits. */
  plain: number;
  /** Inputs to one with limits. */
  limited: number;
  /** Messages over sockets. */
  raw: number;
  log: (line: string) => void;
}

/** How a limit answers; where there are none, nothing may. */
const LIMITED = '429 rate_limited';
/** Bytes by which what is in use may grow from the first fifth of the inputs to the last. */
const GROWTH_LIMIT = 64 * 1024 * 1024;
const STEPS = 5;
/** Outcomes that say that an input was turned away before its handler saw it. */
const AT_THE_DOOR =
  /unauthenticated|forbidden|validation_failed|malformed|unsupported|too_large|too_long|origin_refused|^4\d\d$|rate_limited/;

/** Sends hostile inputs to servers of its own; throws at the first wrong answer, and where the server is not well afterwards. */
export async function fuzz({ seed, plain, limited, raw, log }: FuzzPlan): Promise<Tally> {
  const env = { TRUSTED_PROXIES: '127.0.0.0/8', REQUEST_TIMEOUT: '1s' };
  const tally = newTally();
  log(`seed ${seed}: ${plain} inputs, ${limited} more behind rate limits, ${raw} messages over sockets`);

  const { opened: free, routes } = await collectRoutes(() => openScene({ env }));
  try {
    const world = await createWorld(free, routes);
    const uses: number[] = [];
    for (let step = 0; step < STEPS; step++) {
      await runInputs(free, world, { seed: seed + step, inputs: Math.ceil(plain / STEPS), tally });
      uses.push(bytesInUse());
      log(`${tally.inputs} inputs: ${megabytes(uses.at(-1))} in use, RSS ${megabytes(process.memoryUsage.rss())}`);
    }
    assert.ok((uses.at(-1) ?? 0) - (uses[0] ?? 0) < GROWTH_LIMIT, `memory grows: ${uses.map(megabytes).join(', ')}`);
    assert.equal(tally.answers.get(LIMITED), undefined);

    await free.app.http.listen({ host: '127.0.0.1', port: 0 });
    const { port } = free.app.http.server.address() as AddressInfo;
    await runRaw(port, world, { seed, messages: raw, tally });
    await isWell(free);
  } finally {
    await free.close();
  }

  const counting = await openScene({ env: { ...env, RATE_LIMITS: 'on', RATE_LIMIT_DEFAULT: '20/1m' } });
  try {
    const world = await createWorld(counting, routes);
    await runInputs(counting, world, { seed: seed + STEPS, inputs: limited, tally });
    assert.ok((tally.answers.get(LIMITED) ?? 0) > limited / 10, 'the limits limit nothing');
    await isWell(counting);
  } finally {
    await counting.close();
  }

  const missed = routes.map(({ method, url }) => `${method} ${url}`).filter((route) => !tally.routes.has(route));
  assert.deepEqual(missed, [], 'these routes got no input');
  return tally;
}

/** The routes whose handler no input has reached. */
export function unreached({ routes }: Tally): string[] {
  return [...routes]
    .filter(([, outcomes]) => [...outcomes].every((one) => AT_THE_DOOR.test(one)))
    .map(([route]) => route);
}

/** The counts by status and code, the most frequent first. */
export function countsOf({ answers }: Tally): string[] {
  return [...answers]
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, times]) => `${String(times).padStart(7)}  ${outcome}`);
}

async function isWell({ app, client }: Scene): Promise<void> {
  for (const path of ['/health', '/ready']) {
    const answer = await app.http.inject({ url: path, remoteAddress: '192.0.2.1' });
    assert.equal(answer.statusCode, 200, `${path}: ${answer.body}`);
  }
  const answer = await client.send('POST', '/auth/login', {
    body: { login: 'nobody@example.com', password: 'none at all' },
  });
  assert.ok([401, 429].includes(answer.statusCode), answer.body);
}

/** After everything that can go has gone. */
function bytesInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function megabytes(bytes = 0): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
