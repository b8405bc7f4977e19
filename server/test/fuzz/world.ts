import { DAY } from '../../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../../src/platform/http/system-caller.ts';
import { codeIn, createClient, ok, type SignedInBody } from '../client.ts';
import type { Scene } from '../scenario.ts';
import type { Person } from './credentials.ts';
import { SECRET, type World } from './inputs.ts';
import type { FuzzRoute } from './routes.ts';

const PEOPLE = 4;

/** People with sessions and things that wait for their codes, so that some inputs are honest enough to get deep. */
export interface LiveWorld extends World {
  /** Replaces whoever lost their session, and what was used up. */
  renew(): Promise<void>;
}

/** Fills a server with people. Their passwords are marked, too: no answer may ever show one. */
export async function createWorld(scene: Scene, routes: FuzzRoute[]): Promise<LiveWorld> {
  const client = createClient(scene);
  let made = 0;
  let sent = 0;
  /** Never twice from one address, so that no limit ever holds these requests back. */
  const headers = () => {
    sent += 1;
    return { 'x-forwarded-for': `10.${sent >> 16}.${(sent >> 8) & 255}.${sent & 255}` };
  };
  let roleIds: string[] = [];
  let scheduleIds: string[] = [];
  let jobId = '';
  let waiting = { registrationId: '', code: '', email: '' };
  const setupToken = (await scene.app.setup.offer()) ?? '';

  /** An administrator may do everything, and so also let others do anything. */
  async function newPerson(admin: boolean): Promise<Person> {
    made += 1;
    const name = `fuzzed-person-${made}`;
    const person = { email: `${name}@example.com`, username: name, password: `${SECRET} walks the dog ${made}` };
    const { id: userId } = await scene.app.setup.createUser(SYSTEM_CALLER, { ...person, superadmin: admin });
    const body = { login: person.email, password: person.password, tokenTransport: 'body' };
    const answer = await client.send('POST', '/auth/login', { body, headers: headers() });
    const { accessToken, refreshToken, session } = ok<SignedInBody>(answer, 200);
    return { ...person, accessToken, refreshToken, sessionId: session.id, userId };
  }

  async function newRegistration() {
    made += 1;
    const email = `fuzzed-newcomer-${made}@example.com`;
    const body = { email, password: `${SECRET} at noon` };
    const answer = await client.send('POST', '/auth/register', { body, headers: headers() });
    return {
      email,
      registrationId: String(answer.json().registrationId),
      code: codeIn((await scene.mailsTo(email))[0]?.text),
    };
  }

  const isAlive = async ({ accessToken: token }: Person) =>
    (await client.send('GET', '/users/me', { token, headers: headers() })).statusCode === 200;

  const world: LiveWorld = {
    routes,
    people: [],
    known(field, random) {
      const person = world.people[random.int(world.people.length)];
      const pool: Record<string, string | undefined> = {
        email: person?.email,
        newEmail: person?.email,
        login: person?.email,
        username: person?.username,
        password: person?.password,
        currentPassword: person?.password,
        refreshToken: person?.refreshToken,
        token: setupToken,
        registrationId: waiting.registrationId,
        code: waiting.code,
        ids: person?.userId,
        roleId: roleIds[random.int(roleIds.length)],
        scheduleId: scheduleIds[random.int(scheduleIds.length)],
        jobId,
        // One that nothing here waits for, in case that it is paused.
        queue: 'purge.challenges',
        job: 'purge.challenges',
        expression: '*/5 3 * * 1-5',
        timeZone: 'Europe/Berlin',
      };
      return pool[field];
    },
    async renew() {
      for (let i = 0; i < PEOPLE; i++) {
        const person = world.people[i];
        if (person === undefined || !(await isAlive(person))) world.people[i] = await newPerson(i === 0);
      }
      scheduleIds = (await scene.app.storage.schedules.list()).map(({ id }) => id);
      if ((await scene.app.queue.find(jobId))?.state !== 'delayed') {
        jobId = await scene.app.jobs.enqueue('purge.challenges', {}, { delay: DAY });
      }
      roleIds = (await scene.app.storage.roles.list()).map(({ id }) => id);
      if (waiting.email === '' || (await scene.app.storage.users.findByEmail(waiting.email)))
        waiting = await newRegistration();
    },
  };
  await world.renew();
  return world;
}
