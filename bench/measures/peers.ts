import { type Child, startChild } from '../lib/child.ts';
import { type Contender, type PeerOptions, startOurs, startPeer, versionOf } from '../lib/contenders.ts';
import type { Context, Measure } from '../lib/context.ts';
import { type Sample, SLICES, sampleLoad } from '../lib/core-load.ts';
import { type Figure, ratioFigure } from '../lib/figure.ts';
import { compare, type Ratio } from '../lib/ratio.ts';
import type { RequestsRound } from '../load/requests.ts';
import type { SignInsRound } from '../load/sign-ins.ts';

type What = 'me' | 'signIn';

interface Peer extends PeerOptions {
  name: string;
  /** What is measured, with the least ratio that is aimed at and what the peer does for it. */
  compared: Partial<Record<What, { least?: number; how: string }>>;
}

const BETTER_AUTH = { folder: 'better-auth', main: 'better-auth' };

const PEERS: Peer[] = [
  {
    ...BETTER_AUTH,
    name: 'better-auth',
    compared: {
      me: { least: 20, how: 'its session in the database' },
      signIn: { least: 5, how: 'its own scrypt, N=2^14 r=16 p=1, below what OWASP asks for' },
    },
  },
  {
    ...BETTER_AUTH,
    name: 'better-auth with its cookie cache',
    settings: { cookieCache: true },
    compared: { me: { how: 'its session in a signed cookie: revoked sessions live on for 5 minutes' } },
  },
  {
    ...BETTER_AUTH,
    name: 'better-auth at OWASP hashing',
    settings: { owaspHashing: true },
    compared: { signIn: { least: 5, how: 'scrypt, N=2^14 r=8 p=5' } },
  },
  {
    folder: 'express',
    main: 'express',
    name: 'Express with passport-jwt and bcrypt',
    compared: {
      me: { least: 4, how: 'HS256, the user read from SQLite; no limits, log or revocation' },
      signIn: { how: 'bcrypt, cost 10; no session, limits or log' },
    },
  },
];

/** Sign-ins under way at a time: enough to keep one core busy. */
const CLIENTS = 8;

const NAMES: Record<What, string> = { me: 'who am I', signIn: 'sign-in' };

export const peers: Measure = {
  name: 'peers',
  summary: 'who am I and sign-in against better-auth and Express; after npm run bench:peers',
  apart: true,
  async *run(context) {
    const ours = await startOurs(context);
    for (const peer of PEERS) {
      const theirs = await startPeer(context, peer);
      yield* compareWith(context, peer, { ours, theirs });
      await theirs.stop();
    }
    await ours.stop();
  },
};

async function* compareWith(
  context: Context,
  peer: Peer,
  sides: { ours: Contender; theirs: Contender },
): AsyncGenerator<Figure> {
  for (const what of ['me', 'signIn'] as const) {
    const compared = peer.compared[what];
    if (!compared) continue;
    const ratio = await (what === 'me' ? compareMe : compareSignIns)(context, sides);
    const { least, how } = compared;
    const figure = ratioFigure(`${NAMES[what]} / ${peer.name}`, ratio, {
      unit: ' per core second',
      ...(least !== undefined && { aim: { at: 'least', value: least } }),
    });
    yield { ...figure, detail: `${figure.detail}; ${versionOf(peer)}, ${how}` };
  }
}

/** What one core answers of the route that tells somebody who is signed in who that is. */
function compareMe(context: Context, sides: { ours: Contender; theirs: Contender }): Promise<Ratio> {
  const load = startChild('load/requests.ts', { cores: context.places.load });
  return inTurns(context, load, SLICES, (side, seconds) => {
    const { pid, url, me } = sides[side];
    const round: RequestsRound = { url: `${url}${me.path}`, headers: me.headers, seconds };
    return sampleLoad(load, pid, round);
  });
}

/** How many people one core signs in. In whole rounds: a slice holds few hashes. */
function compareSignIns(context: Context, sides: { ours: Contender; theirs: Contender }): Promise<Ratio> {
  const load = startChild('load/sign-ins.ts', { cores: context.places.load });
  return inTurns(context, load, 1, (side, seconds) => {
    const { pid, url, signIn } = sides[side];
    const round: SignInsRound = { url, ...signIn, clients: CLIENTS, seconds };
    return sampleLoad(load, pid, { ...round, seconds });
  });
}

async function inTurns(
  { plan }: Context,
  load: Child,
  slices: number,
  sample: (side: 'ours' | 'theirs', seconds: number) => Promise<Sample>,
): Promise<Ratio> {
  await sample('theirs', plan.warmUp);
  await sample('ours', plan.warmUp);
  const measure = async (side: 'ours' | 'theirs') => (await sample(side, plan.seconds / slices)).perCoreSecond;
  const ratio = await compare(plan.rounds * slices, { ours: () => measure('ours'), theirs: () => measure('theirs') });
  await load.stop();
  return ratio;
}
