import { startChild } from '../lib/child.ts';
import type { Measure } from '../lib/context.ts';
import { type Sample, sampleLoad } from '../lib/core-load.ts';
import { newSqlite } from '../lib/databases.ts';
import { ratioFigure } from '../lib/figure.ts';
import { startOstiary } from '../lib/ostiary.ts';
import { hashEnv, hashOf, PASSWORD, PRODUCTION_COST } from '../lib/people.ts';
import { compare, ratioOf } from '../lib/ratio.ts';
import type { RegistrationsRound } from '../load/registrations.ts';
import type { Argon2Round } from '../servers/raw-argon2.ts';
import { MOST_AT_A_TIME } from './login.ts';

/** So many under way, most of them waiting for their mail, that the hashing seldom waits for one. */
const CLIENTS = 12;

const AIM = { at: 'least', value: 0.8 } as const;

export const registration: Measure = {
  name: 'registration',
  summary: 'registrations, both requests and the mail between them, against what argon2id alone could do',
  async *run(context) {
    const { places, plan } = context;
    const cores = places.everywhere;
    const load = startChild('load/registrations.ts', { cores });
    // The limits stay on: each newcomer has an IP address and a mailbox of their own, which is mailed once.
    const env = { ...hashEnv(PRODUCTION_COST), SMTP_URL: await load.call<string>('open') };
    const ostiary = await startOstiary(context, { database: newSqlite(context), cores, env });
    const raw = startChild('servers/raw-argon2.ts', { cores });
    const concurrency = Math.min(places.count, MOST_AT_A_TIME);
    const alone = { concurrency, stored: await hashOf(PRODUCTION_COST), password: PASSWORD };

    async function ours(seconds: number): Promise<Sample> {
      const round: RegistrationsRound = { url: ostiary.url, seconds, clients: CLIENTS };
      return sampleLoad(load, ostiary.child.pid, round);
    }
    async function theirs(seconds: number): Promise<Sample> {
      const round: Argon2Round = { ...alone, seconds };
      return sampleLoad(raw, raw.pid, round);
    }

    await theirs(plan.warmUp);
    await ours(plan.warmUp);
    const samples = { ours: [] as Sample[], theirs: [] as Sample[] };
    async function keep(side: 'ours' | 'theirs'): Promise<number> {
      // Longer rounds than elsewhere: a second holds few hashes.
      const sample = await (side === 'ours' ? ours : theirs)(plan.seconds * 1.5);
      samples[side].push(sample);
      return sample.rate;
    }
    const byClock = await compare(plan.rounds, { ours: () => keep('ours'), theirs: () => keep('theirs') });
    await Promise.all([ostiary.stop(), raw.stop(), load.stop()]);

    const pairs = samples.ours.map(({ perCoreSecond }, round) => {
      return { ours: perCoreSecond, theirs: samples.theirs[round]?.perCoreSecond ?? 0 };
    });
    const name = 'registration / argon2id alone';
    yield ratioFigure(name, ratioOf(pairs), { unit: ' per core second', aim: AIM });
    yield ratioFigure(`${name}, all cores, by the clock`, byClock, { unit: '/s', aim: AIM });
  },
};
