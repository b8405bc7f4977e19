import { startChild } from '../lib/child.ts';
import type { Measure } from '../lib/context.ts';
import { SLICES, sampleLoad } from '../lib/core-load.ts';
import { newSqlite } from '../lib/databases.ts';
import { ratioFigure } from '../lib/figure.ts';
import { createHttpClient, expectStatus, USER_AGENT } from '../lib/http.ts';
import { startOstiary } from '../lib/ostiary.ts';
import { ADMIN_ROLE, emailOf, giveRole, hashOf, insertPeople, PRODUCTION_COST } from '../lib/people.ts';
import { compare } from '../lib/ratio.ts';
import { signIn } from '../lib/sign-in.ts';
import { PERMITTED_PATH } from '../servers/constant.ts';

const DAY = 86_400_000;

export const keys: Measure = {
  name: 'keys',
  summary: 'a guarded route by an API key, against the same by a session',
  async *run(context) {
    const { places, plan } = context;
    const database = newSqlite(context);
    const env = { API_KEYS: 'on' };
    const ostiary = await startOstiary(context, { database, env, cores: places.server });
    await insertPeople(database, { crowd: 'a', count: 20, passwordHash: await hashOf(PRODUCTION_COST) });
    await giveRole(database, emailOf('a', 1), ADMIN_ROLE);
    const { accessToken } = await signIn(ostiary.url, emailOf('a', 1));
    const headers = { authorization: `Bearer ${accessToken}`, 'user-agent': USER_AGENT };
    const expiresAt = new Date(Date.now() + 30 * DAY).toISOString();
    const body = { name: 'bench', scopes: [`GET:${PERMITTED_PATH}`], expiresAt };
    const client = createHttpClient(ostiary.url);
    const { secret } = expectStatus<{ secret: string }>(
      await client('POST', '/api/v1/users/me/keys', { headers, body }),
      201,
    );
    const load = startChild('load/requests.ts', { cores: places.load });

    async function measure(token: string, seconds: number): Promise<number> {
      const by = { ...headers, authorization: `Bearer ${token}` };
      const round = { url: `${ostiary.url}${PERMITTED_PATH}`, headers: by, seconds };
      return (await sampleLoad(load, ostiary.child.pid, round)).perCoreSecond;
    }
    await measure(secret, plan.warmUp);
    await measure(accessToken, plan.warmUp);
    const ratio = await compare(plan.rounds * SLICES, {
      ours: () => measure(secret, plan.seconds / SLICES),
      theirs: () => measure(accessToken, plan.seconds / SLICES),
    });
    await Promise.all([ostiary.stop(), load.stop()]);
    yield ratioFigure('guarded route by an API key / by a session', ratio, {
      unit: ' per core second',
      aim: { at: 'least', value: 0.9 },
    });
  },
};
