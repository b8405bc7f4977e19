import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ME_PATH } from '../servers/constant.ts';
import { startChild } from './child.ts';
import type { Context } from './context.ts';
import { newSqlite } from './databases.ts';
import { USER_AGENT } from './http.ts';
import { startOstiary } from './ostiary.ts';
import { type Crowd, emailOf, hashEnv, hashOf, insertPeople, PASSWORD, PRODUCTION_COST } from './people.ts';
import { signIn } from './sign-in.ts';

/** A server that can be asked who somebody is who has signed in, and signs people in. */
export interface Contender {
  pid: number;
  url: string;
  me: { path: string; headers: Record<string, string> };
  /** One body for each account. */
  signIn: { path: string; headers: Record<string, string>; bodies: unknown[] };
  stop(): Promise<void>;
}

export interface PeerOptions {
  /** Its folder in `peers/`, which has a package.json and a lock file of its own. */
  folder: string;
  /** The package whose version is shown. */
  main: string;
  /** What its `listen` is told besides the people. */
  settings?: Record<string, boolean>;
}

/** Whom all of them can tell apart by address, as behind a proxy; the load generator names none. */
const COMMON_HEADERS = { 'user-agent': USER_AGENT, 'x-forwarded-for': '10.255.255.1' };
const CROWD: Crowd = 'a';
/** Accounts at a peer: enough, since none of them limits the sessions of an account. */
const PEER_PEOPLE = 10;
/** So many people that nobody's sessions reach our limit. */
const OUR_PEOPLE = 2000;

const emails = (count: number) => Array.from({ length: count }, (_, index) => emailOf(CROWD, index + 1));
const pathOf = (path: string) => fileURLToPath(new URL(`../peers/${path}`, import.meta.url));

/** Ostiary on SQLite, in production configuration. */
export async function startOurs(context: Context): Promise<Contender> {
  const database = newSqlite(context);
  const env = hashEnv(PRODUCTION_COST);
  const { child, url, stop } = await startOstiary(context, { database, env, cores: context.places.server });
  await insertPeople(database, { crowd: CROWD, count: OUR_PEOPLE, passwordHash: await hashOf(PRODUCTION_COST) });
  const { accessToken } = await signIn(url, emailOf(CROWD, 1));
  return {
    pid: child.pid,
    url,
    me: { path: ME_PATH, headers: { ...COMMON_HEADERS, authorization: `Bearer ${accessToken}` } },
    signIn: {
      path: '/api/v1/auth/login',
      headers: {},
      bodies: emails(OUR_PEOPLE).map((login) => ({ login, password: PASSWORD, tokenTransport: 'body' })),
    },
    stop,
  };
}

/** A peer in its production mode. Throws where it is not installed. */
export async function startPeer(context: Context, { folder, settings }: PeerOptions): Promise<Contender> {
  if (!existsSync(pathOf(`${folder}/node_modules`))) {
    throw new Error(`bench/peers/${folder} is not installed: npm run bench:peers`);
  }
  const child = startChild(`peers/${folder}/server.js`, {
    cores: context.places.server,
    cwd: context.folder(folder),
    env: { NODE_ENV: 'production' },
    nodeArgs: context.nodeArgs,
  });
  const asked = { emails: emails(PEER_PEOPLE), password: PASSWORD, ...settings };
  const listening = await child.call<Omit<Contender, 'pid' | 'stop'>>('listen', asked);
  const me = { ...listening.me, headers: { ...COMMON_HEADERS, ...listening.me.headers } };
  return { ...listening, me, pid: child.pid, stop: () => child.stop() };
}

/** The version of its main package that its folder pins. */
export function versionOf({ folder, main }: PeerOptions): string {
  const { dependencies } = JSON.parse(readFileSync(pathOf(`${folder}/package.json`), 'utf8'));
  return dependencies[main];
}
