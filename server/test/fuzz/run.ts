import assert from 'node:assert/strict';
import type { InjectOptions } from 'fastify';
import type { Scene } from '../scenario.ts';
import { type Input, makeInput } from './inputs.ts';
import { codeOf, type FuzzAnswer, faultsOf } from './invariants.ts';
import type { LiveWorld } from './world.ts';

/** Milliseconds within which every input must be answered, however busy the machine is. */
export const ANSWER_LIMIT = 30_000;
const AT_ONCE = 16;
/** Inputs between two looks at whether the people are still signed in. */
const ROUND = 160;

export interface Tally {
  inputs: number;
  /** How often each status and code came, `400 validation_failed`. */
  answers: Map<string, number>;
  /** For each route, the outcomes that it gave. */
  routes: Map<string, Set<string>>;
}

export const newTally = (): Tally => ({ inputs: 0, answers: new Map(), routes: new Map() });

/** Counts an answer; `route` only where the input went to it as it is. */
export function count(tally: Tally, outcome: string, route: string | null): void {
  tally.inputs += 1;
  tally.answers.set(outcome, (tally.answers.get(outcome) ?? 0) + 1);
  if (route === null) return;
  const outcomes = tally.routes.get(route) ?? new Set();
  tally.routes.set(route, outcomes.add(outcome));
}

/** Sends the inputs `0 … inputs` of a seed; throws at the first answer that is wrong, with what is needed to send its input again. */
export async function runInputs(
  scene: Scene,
  world: LiveWorld,
  { seed, inputs, tally }: { seed: number; inputs: number; tally: Tally },
): Promise<void> {
  for (let round = 0; round < inputs; round += ROUND) {
    let next = round;
    const end = Math.min(inputs, round + ROUND);
    const work = async () => {
      while (next < end) {
        const input = makeInput(seed, next++, world);
        const answer = await send(scene, input, seed);
        const faults = faultsOf(answer, input);
        assert.deepEqual(faults, [], `${faults.join('; ')}\n${describe(input, seed)}\n${show(answer)}`);
        const outcome = `${answer.status} ${codeOf(answer.body)}`.trim();
        count(tally, outcome, input.route.startsWith(`${input.method} `) ? input.route : null);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    await world.renew();
  }
}

async function send({ app }: Scene, input: Input, seed: number): Promise<FuzzAnswer> {
  const { method, url, headers, body } = input;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`No answer.\n${describe(input, seed)}`)), ANSWER_LIMIT);
  try {
    const options = { method, url, headers, ...(body && { payload: body }) } as InjectOptions;
    const { statusCode, headers: fields, body: text } = await Promise.race([app.http.inject(options), late.promise]);
    const flat = Object.entries(fields).map(([name, value]) => [name.toLowerCase(), String(value)]);
    return { status: statusCode, headers: Object.fromEntries(flat), body: text };
  } catch (error) {
    throw new Error(`It could not be sent or answered.\n${describe(input, seed)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

const SHOWN = 2_000;

function show({ status, headers, body }: FuzzAnswer): string {
  return `Answer: ${status} ${JSON.stringify(headers)}\n${body.slice(0, SHOWN)}`;
}

/** An input so that it can be sent again by hand, byte by byte. */
function describe({ index, body, ...input }: Input, seed: number): string {
  const bytes = body === null ? 'none' : body.subarray(0, 20 * SHOWN).toString('base64');
  const shortened = JSON.stringify(input, null, 1).slice(0, 5 * SHOWN);
  return `Input ${index} of seed ${seed}: ${shortened}\nBody (base64): ${bytes}`;
}
