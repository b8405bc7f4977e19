import { startChild } from '../lib/child.ts';
import type { Measure } from '../lib/context.ts';
import { SLICES, sampleLoad } from '../lib/core-load.ts';
import { newSqlite } from '../lib/databases.ts';
import { ratioFigure } from '../lib/figure.ts';
import { USER_AGENT } from '../lib/http.ts';
import { startOstiary } from '../lib/ostiary.ts';
import { ADMIN_ROLE, emailOf, giveRole, hashOf, insertPeople, PRODUCTION_COST } from '../lib/people.ts';
import { compare } from '../lib/ratio.ts';
import { signIn } from '../lib/sign-in.ts';
import { ME_PATH, PERMITTED_ME_PATH } from '../servers/constant.ts';

export const permission: Measure = {
  name: 'permission',
  summary: "GET /users/me behind access: 'permission', against the same behind 'signedIn'",
  async *run(context) {
    const { places, plan } = context;
    const database = newSqlite(context);
    const ostiary = await startOstiary(context, { database, cores: places.server });
    await insertPeople(database, { crowd: 'a', count: 20, passwordHash: await hashOf(PRODUCTION_COST) });
    await giveRole(database, emailOf('a', 1), ADMIN_ROLE);
    const { accessToken } = await signIn(ostiary.url, emailOf('a', 1));
    const headers = { authorization: `Bearer ${accessToken}`, 'user-agent': USER_AGENT };
    const load = startChild('load/requests.ts', { cores: places.load });

    async function measure(path: string, seconds: number): Promise<number> {
      const sample = await sampleLoad(load, ostiary.child.pid, { url: `${ostiary.url}${path}`, headers, seconds });
      return sample.perCoreSecond;
    }
    await measure(PERMITTED_ME_PATH, plan.warmUp);
    await measure(ME_PATH, plan.warmUp);
    const ratio = await compare(plan.rounds * SLICES, {
      ours: () => measure(PERMITTED_ME_PATH, plan.seconds / SLICES),
      theirs: () => measure(ME_PATH, plan.seconds / SLICES),
    });
    await Promise.all([ostiary.stop(), load.stop()]);
    yield ratioFigure("GET /users/me, 'permission' / 'signedIn'", ratio, {
      unit: ' per core second',
      aim: { at: 'least', value: 0.95 },
    });
  },
};
