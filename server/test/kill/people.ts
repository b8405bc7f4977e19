import { SYSTEM_CALLER } from '../../src/platform/http/system-caller.ts';
import { openTestApp, type TestApp } from '../app.ts';
import { createClient } from '../client.ts';

/** Somebody who is signed in, as a client of their own remembers it. */
export interface SignedInClient {
  userId: string;
  sessionId: string;
  refreshToken: string;
  accessToken: string;
}

/** The server's parts in this process, with the true time, on the database and in the folder of server processes. */
export function openBeside(databaseUrl: string, dataDir: string): Promise<TestApp> {
  return openTestApp({ databaseUrl, dataDir, time: trueTime() });
}

/** The time as it is. */
export function trueTime(): TestApp['time'] {
  return {
    get now() {
      return new Date();
    },
    forward() {
      throw new TypeError('The true time goes by itself.');
    },
  };
}

/** Signs so many people in, each with several sessions. */
export async function signInClients(
  t: TestApp,
  { people, sessions }: { people: number; sessions: number },
): Promise<SignedInClient[]> {
  const client = createClient(t);
  const signedIn: SignedInClient[] = [];
  for (let i = 0; i < people; i++) {
    const person = { email: `person${i}@example.com`, password: 'walks the dog at seven' };
    const { id: userId } = await t.app.setup.createUser(SYSTEM_CALLER, { ...person, superadmin: false });
    for (let j = 0; j < sessions; j++) {
      const { session, refreshToken, accessToken } = await client.login(person);
      signedIn.push({ userId, sessionId: session.id, refreshToken, accessToken });
    }
  }
  return signedIn;
}
