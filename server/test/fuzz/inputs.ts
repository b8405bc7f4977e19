import { METHODS } from 'node:http';
import { FIREFOX } from '../client.ts';
import { formBytes, honestValue, jsonBytes, type Known, type Marks, spoil } from './bodies.ts';
import { credentials, type Person } from './credentials.ts';
import { fits } from './fits.ts';
import { strangeContentType, strangeHeaders } from './headers.ts';
import { createRandom, type Random } from './random.ts';
import type { FuzzRoute } from './routes.ts';
import { pathOf, queryOf } from './targets.ts';

/** What an input must not be answered with, as far as the generator knows it. */
export interface Input {
  index: number;
  /** `METHOD /template` of the route that it is made from. */
  route: string;
  method: string;
  url: string;
  headers: Record<string, string | string[]>;
  body: Buffer | null;
  marks: Marks;
  /** Set where no answer but an error is right, with the reason. */
  mustFail: string | null;
}

/** What inputs are made from; people are replaced when their sessions have died. */
export interface World {
  routes: FuzzRoute[];
  people: Person[];
  known: Known;
}

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';
/** Routes whose honest call ends what other inputs live on: rarely with a genuine token. */
const DEADLY = new Set(['DELETE /api/v1/users/me', 'POST /api/v1/auth/logout-all']);
/** Answers of megabytes; asking for them often shows nothing new. */
const HEAVY = /^\/(?:dev|docs|redoc|openapi)/;

/** Every mark begins like this, so that one that another input brought in is found, too. */
export const MARK = 'zqmark';
export const SECRET = 'zqpass';

/** What stands at the end of these paths; anywhere else, a user. */
const FIELDS = {
  '/roles/:id': 'roleId',
  '/jobs/:id': 'jobId',
  '/schedules/:id': 'scheduleId',
  '/queues/:name': 'queue',
};
const fieldOf = (url: string) => Object.entries(FIELDS).find(([path]) => url.includes(path))?.[1] ?? 'ids';

/** The input with this index: always the same for one seed and one world. */
export function makeInput(seed: number, index: number, world: World): Input {
  const random = createRandom(seed, index);
  const route = pickRoute(world.routes, random);
  const person = world.people[random.int(world.people.length)];
  if (person === undefined) throw new TypeError('A world needs people.');
  const label = `${index.toString(36)}x${random.text(6)}`;
  const marks: Marks = { mark: `${MARK}${label}`, secret: `${SECRET}${label}` };
  const name = `${route.method} ${route.url}`;

  const { authorization, genuine } = credentials(person, marks.mark, DEADLY.has(name) ? 0.03 : 0.6, random);
  const strange = random.chance(0.35) ? strangeHeaders(marks.mark, random) : {};
  const headers: Input['headers'] = { 'user-agent': FIREFOX, ...strange };
  if (authorization !== null) headers.authorization = authorization;
  const real = (parameter: string) => {
    if (parameter === 'username') return person.username;
    if (parameter === 'sessionId' || route.url.startsWith('/api/v1/sessions')) return person.sessionId;
    // Mostly somebody else: to oneself, administrators may do little.
    return world.known(fieldOf(route.url), random) ?? person.userId;
  };
  const url = pathOf(route, real, marks.mark, random) + queryOf(route, marks.mark, random);
  const method = random.chance(0.04) ? (METHODS[random.int(METHODS.length)] ?? 'GET') : route.method;

  const input: Input = { index, route: name, method, url, headers, body: null, marks, mustFail: null };
  if (route.access !== 'public' && !genuine && method === route.method) input.mustFail = 'no genuine token';
  addBody(input, route, world.known, random);
  return input;
}

function pickRoute(routes: FuzzRoute[], random: Random): FuzzRoute {
  for (;;) {
    const route = routes[random.int(routes.length)];
    if (route === undefined) throw new TypeError('There are no routes.');
    // Routes with bodies have most to get wrong.
    if (route.bodies.length > 0 || random.chance(HEAVY.test(route.url) ? 0.02 : 0.25)) return route;
  }
}

function addBody(input: Input, route: FuzzRoute, known: Known, random: Random): void {
  const body = route.bodies[random.int(route.bodies.length)];
  if (body === undefined) {
    if (random.chance(0.1)) input.body = jsonBytes({ [input.marks.mark]: 1 }, input.marks, random);
    if (input.body !== null) input.headers['content-type'] = JSON_TYPE;
    return;
  }
  const honest = honestValue(body.schema, '', input.marks, known, random);
  const value = random.chance(0.7) ? spoil(honest, input.marks, random) : honest;
  const write = body.type === FORM_TYPE ? formBytes : jsonBytes;
  input.body = random.chance(0.02) ? null : write(value, input.marks, random);
  const type = random.chance(input.body === null ? 0.8 : 0.1)
    ? strangeContentType(input.marks.mark, random)
    : body.type;
  if (type === null) delete input.headers['content-type'];
  else input.headers['content-type'] = type;
  if (input.method === route.method) input.mustFail ??= whyNotTaken(input, route);
}

/** Why a body must not be taken: judged from the bytes that are sent, by rules of our own. */
function whyNotTaken({ body, headers }: Input, { bodies }: FuzzRoute): string | null {
  const type = [headers['content-type'] ?? ''].flat()[0]?.split(';', 1)[0]?.trim().toLowerCase();
  const schema = bodies.find((one) => one.type === type)?.schema;
  if (body === null || body.length === 0) return bodies.some((one) => fits(one.schema, null)) ? null : 'no body';
  if (schema === undefined) return 'a content type that is not read';
  if (type === FORM_TYPE) return null;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    return fits(schema, JSON.parse(text)) ? null : 'a body that does not fit its schema';
  } catch (error) {
    if (error instanceof SyntaxError) return 'a body that is no JSON';
    if (error instanceof RangeError) return 'a body that nests too deeply';
    if (error instanceof TypeError && 'code' in error) return 'a body that is no UTF-8';
    throw error;
  }
}
