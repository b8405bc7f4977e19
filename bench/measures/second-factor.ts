import { setTimeout as sleep } from 'node:timers/promises';
import { appCode } from '../../server/test/authenticator.ts';
import type { Measure } from '../lib/context.ts';
import { newSqlite } from '../lib/databases.ts';
import { ratioFigure } from '../lib/figure.ts';
import { createHttpClient, expectStatus, type Send } from '../lib/http.ts';
import { startOstiary } from '../lib/ostiary.ts';
import { type Crowd, emailOf, hashEnv, hashOf, insertPeople, PASSWORD, PRODUCTION_COST } from '../lib/people.ts';
import { cpuSeconds } from '../lib/process-usage.ts';
import { compare } from '../lib/ratio.ts';

/** Sign-ins of a round on either side, one after the other: each of them by somebody who signs in once, as a code works once. */
const SIGN_INS = 20;

/** Milliseconds until the mails that the enrolments cause are written. */
const SETTLING = 5000;

/** Adds an authenticator app, whose secret is the answer. */
async function enrol(send: Send, crowd: Crowd, index: number): Promise<string> {
  const { accessToken } = expectStatus<{ accessToken: string }>(await logIn(send, crowd, index), 200);
  const headers = { authorization: `Bearer ${accessToken}` };
  const begun = await send('POST', '/api/v1/users/me/factors/totp', { headers, body: {} });
  const { enrollToken, secret } = expectStatus<{ enrollToken: string; secret: string }>(begun, 200);
  // The step before the present one: the present one is for the sign-in.
  const body = { enrollToken, code: appCode(secret, new Date(), -1) };
  expectStatus(await send('POST', '/api/v1/users/me/factors/totp/confirm', { headers, body }), 201);
  return secret;
}

function logIn(send: Send, crowd: Crowd, index: number) {
  const body = { login: emailOf(crowd, index), password: PASSWORD, tokenTransport: 'body' };
  return send('POST', '/api/v1/auth/login', { body });
}

async function logInWithCode(send: Send, crowd: Crowd, index: number, secret: string): Promise<void> {
  const { flowToken } = expectStatus<{ flowToken: string }>(await logIn(send, crowd, index), 403);
  const body = { flowToken, code: appCode(secret, new Date()), tokenTransport: 'body' };
  expectStatus(await send('POST', '/api/v1/auth/complete-step', { body }), 200);
}

export const secondFactor: Measure = {
  name: 'second-factor',
  summary: 'sign-ins with the code of an authenticator app against those with a password alone',
  async *run(context) {
    const { places, plan } = context;
    const database = newSqlite(context);
    const env = { ...hashEnv(PRODUCTION_COST), RATE_LIMITS: 'off' };
    const ostiary = await startOstiary(context, { database, cores: places.everywhere, env });
    const send = createHttpClient(ostiary.url);
    const passwordHash = await hashOf(PRODUCTION_COST);
    const people = SIGN_INS * (plan.rounds + 1);
    await insertPeople(database, { crowd: 'a', count: people, passwordHash });
    await insertPeople(database, { crowd: 'b', count: people, passwordHash });
    const secrets: string[] = [];
    for (let index = 1; index <= people; index++) secrets.push(await enrol(send, 'b', index));
    await sleep(SETTLING);

    const next = { a: 0, b: 0 };
    /** Sign-ins for a second of the server's processor time. */
    async function perCoreSecond(crowd: 'a' | 'b'): Promise<number> {
      const before = cpuSeconds(ostiary.child.pid) ?? 0;
      for (let i = 0; i < SIGN_INS; i++) {
        const index = ++next[crowd];
        const secret = secrets[index - 1];
        if (crowd === 'a' || secret === undefined) expectStatus(await logIn(send, crowd, index), 200);
        else await logInWithCode(send, crowd, index, secret);
      }
      return SIGN_INS / ((cpuSeconds(ostiary.child.pid) ?? 0) - before);
    }

    await perCoreSecond('a');
    await perCoreSecond('b');
    const sides = { ours: () => perCoreSecond('b'), theirs: () => perCoreSecond('a') };
    const ratio = await compare(plan.rounds, sides);
    await ostiary.stop();

    yield ratioFigure('sign-in with a code / with a password alone, both requests', ratio, {
      unit: ' per core second',
      aim: { at: 'least', value: 0.95 },
    });
  },
};
