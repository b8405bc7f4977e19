import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../fuzz/random.ts';
import { createHttpClient, type Reply } from './http-client.ts';
import type { SignedInClient } from './people.ts';

/** A client that refreshes again and again, honestly, whatever becomes of the server. */
export interface RotatingClient {
  sessionId: string;
  userId: string;
  /** Every refresh token that it ever had, in order. */
  tokens: string[];
  /** What the server handed out for each token; more than one would be two live chains. */
  successors: Map<string, Set<string>>;
  /** Answers that an honest client must never get. */
  faults: string[];
  rotations(): number;
  /** Works until `stop` says so; then until its last refresh was answered. */
  run(stop: AbortSignal): Promise<void>;
}

/** Milliseconds until a client tries again. */
const RETRY = 40;
/** Of how many refreshes two cross each other, as those of two tabs do. */
const CROSSED = 0.2;
/** After how many refreshes the access token is used. */
const USED = 0.4;

export function createRotatingClient(port: number, who: SignedInClient, index: number): RotatingClient {
  const http = createHttpClient(port, { connections: 2 });
  const random = createRandom(1, index);
  const client: RotatingClient = {
    sessionId: who.sessionId,
    userId: who.userId,
    tokens: [who.refreshToken],
    successors: new Map(),
    faults: [],
    rotations: () => client.tokens.length - 1,
    async run(stop) {
      while (!stop.aborted && client.faults.length === 0) await rotate();
      http.close();
    },
  };

  /** One refresh with the last known token, repeated until it was answered. */
  async function rotate(): Promise<void> {
    const token = client.tokens.at(-1) ?? '';
    while (client.faults.length === 0) {
      const calls = random.chance(CROSSED) ? [refresh(token), refresh(token)] : [refresh(token)];
      const next = (await Promise.all(calls)).find((successor) => successor !== null);
      if (next) {
        client.tokens.push(next.refreshToken);
        if (random.chance(USED)) await use(next.accessToken);
        return;
      }
      await sleep(RETRY);
    }
  }

  /** Null where no answer came, or only one that asks to come again. */
  async function refresh(refreshToken: string): Promise<{ refreshToken: string; accessToken: string } | null> {
    const reply = await http.send('POST', '/auth/refresh', { body: { refreshToken } }).catch(() => null);
    if (reply === null || isLater(reply)) return null;
    if (reply.status !== 200) {
      client.faults.push(`refresh ${client.rotations()}: ${reply.status} ${JSON.stringify(reply.body)}`);
      return null;
    }
    const next = String(reply.body.refreshToken);
    const known = client.successors.get(refreshToken) ?? new Set();
    client.successors.set(refreshToken, known.add(next));
    return { refreshToken: next, accessToken: String(reply.body.accessToken) };
  }

  async function use(token: string): Promise<void> {
    const reply = await http.send('GET', '/users/me', { token }).catch(() => null);
    if (reply === null || isLater(reply) || reply.status === 200) return;
    client.faults.push(`access token of ${client.rotations()}: ${reply.status} ${JSON.stringify(reply.body)}`);
  }

  return client;
}

const isLater = ({ status }: Reply) => status === 503;
