import { mkdirSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { stopChildren } from './lib/child.ts';
import type { Context, Measure, Plan } from './lib/context.ts';
import { findPlaces, type Places } from './lib/cores.ts';
import { formatFigure, HEADING } from './lib/figure.ts';
import { createFolders } from './lib/folders.ts';
import { createPostgres } from './lib/postgres.ts';
import { ci } from './measures/ci.ts';
import { cores } from './measures/cores.ts';
import { guarded } from './measures/guarded.ts';
import { imports } from './measures/imports.ts';
import { jobs } from './measures/jobs.ts';
import { keys } from './measures/keys.ts';
import { login } from './measures/login.ts';
import { me } from './measures/me.ts';
import { memory } from './measures/memory.ts';
import { overload } from './measures/overload.ts';
import { peers } from './measures/peers.ts';
import { permission } from './measures/permission.ts';
import { population } from './measures/population.ts';
import { refresh } from './measures/refresh.ts';
import { registration } from './measures/registration.ts';
import { secondFactor } from './measures/second-factor.ts';
import { start } from './measures/start.ts';
import { timing } from './measures/timing.ts';
import { usersList } from './measures/users-list.ts';

const MEASURES: Measure[] = [
  start,
  guarded,
  me,
  permission,
  keys,
  login,
  secondFactor,
  registration,
  refresh,
  population,
  usersList,
  jobs,
  timing,
  overload,
  cores,
  memory,
  imports,
  peers,
  ci,
];

const FULL: Plan = { quick: false, rounds: 7, seconds: 2, warmUp: 2, timeLimit: 470 };
const QUICK: Plan = { quick: true, rounds: 3, seconds: 1, warmUp: 1, timeLimit: 90 };
const CI: Plan = { quick: true, rounds: 8, seconds: 1, warmUp: 1, timeLimit: 90 };

const USAGE = `npm run bench [-- options]

  --quick         fewer and shorter rounds: under 90 s instead of about 8 minutes
  --only NAME     only this measure; may be given several times
  --ci            only the measure ci, about a minute: the one for continuous integration
  --profile DIR   the measured processes write a CPU profile each into DIR

${MEASURES.map(({ name, summary, apart }) => `  ${name.padEnd(14)}${apart ? '*' : ' '} ${summary}`).join('\n')}
  * only where it is asked for with --only

Prints what was measured beside its aim. Nothing fails where it falls short, for machines are noisy; but timing does where its interval
leaves no doubt, and ci beyond a third over the figures in bench/ci.json.
`;

function readOptions() {
  return parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      ci: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  }).values;
}

/** How much is measured. Throws on options that contradict each other. */
function planOf({ quick, ci: isCi, only }: { quick: boolean; ci: boolean; only?: string[] }): Plan {
  if (isCi && (quick || only)) throw new TypeError('--ci goes with neither --quick nor --only');
  if (isCi) return CI;
  return quick ? QUICK : FULL;
}

/** The measures of these names; where none is given, all that need not be asked for. Throws on one that there is not. */
function chosen(names: string[] | undefined): Measure[] {
  const unknown = names?.filter((name) => !MEASURES.some((measure) => measure.name === name)) ?? [];
  if (unknown.length > 0) throw new TypeError(`there is no measure ${unknown.join(', ')}`);
  return MEASURES.filter(({ name, apart = false }) => names?.includes(name) ?? !apart);
}

function describeMachine(places: Places): string {
  const model = cpus()[0]?.model ?? 'unknown processor';
  const [load = 0] = loadavg();
  const date = new Date().toISOString().slice(0, 16).replace('T', ' ');
  return `${date} UTC · Node ${process.versions.node} · ${process.platform} · ${places.count} cores (${model})
${places.description} · load average before the run ${load.toFixed(1)}`;
}

async function run(): Promise<number> {
  const options = readOptions();
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const plan = planOf(options);
  const measures = chosen(options.ci ? [ci.name] : options.only);
  const profile = options.profile === undefined ? null : resolve(options.profile);
  if (profile !== null) mkdirSync(profile, { recursive: true });
  const folders = createFolders();
  const postgres = createPostgres();
  const context: Context = {
    places: findPlaces(),
    plan,
    folder: folders.make,
    postgres: postgres.newDatabase,
    nodeArgs: profile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
  };

  async function end(): Promise<void> {
    await stopChildren();
    await postgres.stop();
    folders.removeAll();
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => end().finally(() => process.exit(1)));
  }

  console.log(`${describeMachine(context.places)}\n\n${HEADING}`);
  const started = performance.now();
  const elapsed = () => Math.round((performance.now() - started) / 1000);
  let failed = false;
  try {
    for (const measure of measures) {
      if (elapsed() > context.plan.timeLimit) {
        console.log(`${measure.name}: left out, the time was used up; npm run bench -- --only ${measure.name}`);
        continue;
      }
      try {
        for await (const figure of measure.run(context)) {
          console.log(formatFigure(figure));
          failed ||= figure.fails ?? false;
        }
      } catch (error) {
        failed = true;
        console.error(`${measure.name} could not be measured:`, error);
        await stopChildren();
      }
    }
  } finally {
    await end();
  }
  const [load = 0] = loadavg();
  console.log(`\n${postgres.description()} · ${elapsed()} s · load average after the run ${load.toFixed(1)}`);
  return failed ? 1 : 0;
}

process.exitCode = await run();
