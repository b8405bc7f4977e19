import { generateKeyPairSync } from 'node:crypto';
import { DAY } from '../../src/platform/clock.ts';
import { ok } from '../client.ts';
import { makeEvent, makeKey } from '../fixtures.ts';
import { MATRICES } from './module-matrices.ts';
import { member, newRole, type World } from './world.ts';

/** What the parameters of a path name. */
export interface Thing {
  parameters: Record<string, string>;
  /** The access token of whose it is. */
  owner: string;
  /** All that the database says of it. */
  record(): Promise<unknown>;
}

async function userThing(w: World): Promise<Thing> {
  const { userId, username, sessionId, token: owner } = await member(w);
  const { users, sessions } = w.app.storage;
  return {
    parameters: { id: userId, username, sessionId },
    owner,
    // When it was last used is no change of it.
    record: async () => [await users.find(userId), (await sessions.find(sessionId))?.endedAt],
  };
}

async function sessionThing(w: World): Promise<Thing> {
  const thing = await userThing(w);
  return { ...thing, parameters: { id: thing.parameters.sessionId ?? '' } };
}

async function roleThing(w: World): Promise<Thing> {
  const id = await newRole(w, {});
  const { token: owner } = await member(w, [id]);
  return { parameters: { id }, owner, record: () => w.app.storage.roles.find(id) };
}

/** Background work is nobody's: whoever has an account is as good as any. */
const nobody = async (w: World) => (await member(w)).token;

/** One that waits for its time, so that no worker takes it. */
async function jobThing(w: World): Promise<Thing> {
  const id = await w.app.jobs.enqueue('purge.jobs', {}, { delay: 365 * DAY });
  return { parameters: { id }, owner: await nobody(w), record: () => w.app.queue.find(id) };
}

async function queueThing(w: World): Promise<Thing> {
  const name = 'purge.challenges';
  return { parameters: { name }, owner: await nobody(w), record: () => w.app.queue.status(name) };
}

let schedules = 0;

async function scheduleThing(w: World): Promise<Thing> {
  schedules += 1;
  const timing = { kind: 'interval', everySeconds: 60 };
  const body = { name: `Schedule ${schedules}`, job: 'purge.jobs', timing, enabled: false };
  const { id } = ok<{ id: string }>(await w.client.send('POST', '/admin/schedules', { token: w.root, body }), 201);
  return { parameters: { id }, owner: await nobody(w), record: () => w.app.storage.schedules.find(id) };
}

let keyPlaces = 0;

/** None that tokens are signed with: whoever may revoke it would end everybody's. */
async function keyThing(w: World): Promise<Thing> {
  const { keys } = w.app.storage;
  const publicJwk = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  keyPlaces += 10;
  const key = makeKey({ use: 'enc', place: keyPlaces, publicJwk });
  await keys.insert(key, makeEvent(`key:${key.id}`));
  const record = async () => (await keys.list()).find(({ id }) => id === key.id) ?? null;
  return { parameters: { id: key.id }, owner: await nobody(w), record };
}

const file = (name: string) => async (): Promise<Thing> => ({
  parameters: { '*': name },
  owner: '',
  record: async () => name,
});

/** By a path up to its last parameter. */
const THINGS: Record<string, (w: World) => Promise<Thing>> = {
  '/api/v1/sessions/{id}': sessionThing,
  '/api/v1/users/by-name/{username}': userThing,
  '/api/v1/admin/users/{id}': userThing,
  '/api/v1/admin/users/{id}/sessions/{sessionId}': userThing,
  '/api/v1/admin/roles/{id}': roleThing,
  '/api/v1/admin/jobs/{id}': jobThing,
  '/api/v1/admin/queues/{name}': queueThing,
  '/api/v1/admin/schedules/{id}': scheduleThing,
  '/api/v1/admin/keys/{id}': keyThing,
  '/docs/static/*': file('swagger-ui.css'),
  ...Object.assign({}, ...MATRICES.map(({ things }) => things)),
};

const PARAMETER = /\{(\w+)\}|\*/g;

/** Whether a path names something. */
export function hasParameters(template: string): boolean {
  return template.search(PARAMETER) !== -1;
}

/** Makes what the parameters of a path can name; throws where nobody has said what that is. */
export function makeThing(w: World, template: string): Promise<Thing> {
  const end = Math.max(template.lastIndexOf('}'), template.lastIndexOf('*'));
  const make = THINGS[template.slice(0, end + 1)];
  if (!make) throw new Error(`It is not known what the parameters of ${template} name.`);
  return make(w);
}

/** The path with the names of a thing in it. */
export function pathTo(template: string, { parameters }: Pick<Thing, 'parameters'>): string {
  return template.replace(PARAMETER, (whole, name: string | undefined) => {
    const value = parameters[name ?? whole];
    if (value === undefined) throw new Error(`Nothing is known to stand for ${whole} in ${template}.`);
    return value;
  });
}
