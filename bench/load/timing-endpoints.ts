import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatIdToken } from '../../server/src/platform/crypto/id-token.ts';
import { type Answer, expectStatus, type Send } from '../lib/http.ts';
import { emailOf, idOf, PASSWORD } from '../lib/people.ts';

/** What concerns somebody who has an account, and nobody. */
export const SIDES = ['known', 'unknown'] as const;
type Side = (typeof SIDES)[number];

/** One request for each number from 1; `prepare` comes before the first. */
interface Endpoint {
  prepare?: (world: World) => Promise<void>;
  ask(world: World, side: Side, index: number): Promise<Answer>;
}

export interface TimingWorld {
  url: string;
  /** Has an account, and must choose another password. */
  waiting: string;
  samples: number;
}

/** Milliseconds of each answer. */
export type TimingResult = Record<Side, number[]>;

export interface World extends TimingWorld {
  send: Send;
  registrations: Record<Side, string[]>;
  registeredAt: number;
  refreshToken: string;
  flowToken: string;
}

/** No code is mailed a second time within a minute. */
const RESEND_AFTER = 61_000;
const WRONG = 'seven herons over the lock 42';
const WRONG_CODE = '000000';

/** Crowd `a` has accounts; `b` and `c` do not, and their addresses look alike. */
const addressOf = (side: Side, index: number) => emailOf(side === 'known' ? 'a' : 'b', index);
const usernameOf = (side: Side, index: number) => {
  const [scattered = '', crowd = ''] = addressOf(side, index).split(/[.@]/);
  return `p${scattered}${crowd}`;
};
const post = (path: string, body: unknown) => [`POST`, `/api/v1/auth/${path}`, { body }] as const;
const form = (path: string, fields: Record<string, string>) =>
  ['POST', `/api/v1/auth/${path}`, { form: fields }] as const;

export const ENDPOINTS: Record<string, Endpoint> = {
  register: {
    async ask({ send, registrations }, side, index) {
      // Nobody has registered these before on either side; more than a few for one address get no code.
      const email = side === 'known' ? emailOf('a', index) : emailOf('c', index);
      const answer = await send(...post('register', { email, password: PASSWORD }));
      registrations[side].push(expectStatus<{ registrationId: string }>(answer, 202).registrationId);
      return answer;
    },
  },
  'verify-email': {
    ask: ({ send, registrations }, side, index) =>
      send(...post('verify-email', { registrationId: registrations[side][index - 1], code: WRONG_CODE })),
  },
  'login, JSON': {
    ask: ({ send }, side, index) => send(...post('login', { login: addressOf(side, index), password: WRONG })),
  },
  'login by username': {
    ask: ({ send }, side, index) => send(...post('login', { login: usernameOf(side, index), password: WRONG })),
  },
  'login, form': {
    ask: ({ send }, side, index) => send(...form('login', { username: addressOf(side, index), password: WRONG })),
  },
  token: {
    ask: ({ send }, side, index) =>
      send(...form('token', { grant_type: 'password', username: addressOf(side, index), password: WRONG })),
  },
  'request-password-reset': {
    ask: ({ send }, side, index) => send(...post('request-password-reset', { email: addressOf(side, index) })),
  },
  'accept-invitation': {
    ask({ send }, side, index) {
      const token = formatIdToken(idOf(side === 'known' ? 'a' : 'b', index), randomBytes(32));
      return send(...post('accept-invitation', { token, password: PASSWORD }));
    },
  },
  'complete-step': {
    async prepare(world) {
      const body = { login: world.waiting, password: PASSWORD };
      const answer = await world.send('POST', '/api/v1/auth/login', { body });
      world.flowToken = expectStatus<{ flowToken: string }>(answer, 403).flowToken;
    },
    ask({ send, flowToken: genuine }, side) {
      const start = genuine.indexOf('.') + 1;
      return send(...post('complete-step', { flowToken: damaged(genuine, start, side), newPassword: WRONG }));
    },
  },
  refresh: {
    async prepare(world) {
      const body = { login: addressOf('known', 1), password: PASSWORD, tokenTransport: 'body' };
      const answer = await world.send('POST', '/api/v1/auth/login', { body });
      world.refreshToken = expectStatus<{ refreshToken: string }>(answer, 200).refreshToken;
    },
    ask: ({ send, refreshToken: genuine }, side) =>
      send(...post('refresh', { refreshToken: damaged(genuine, 0, side) })),
  },
  'users/by-name': {
    ask: ({ send }, side, index) => send('GET', `/api/v1/users/by-name/${usernameOf(side, index)}`),
  },
  'resend-verification': {
    async prepare({ registeredAt }) {
      await sleep(Math.max(0, registeredAt + RESEND_AFTER - performance.now()));
    },
    ask: ({ send, registrations }, side, index) =>
      send(...post('resend-verification', { registrationId: registrations[side][index - 1] })),
  },
};

/** In this order: what `register` made serves others. */
export const ENDPOINT_NAMES = Object.keys(ENDPOINTS);

/** A token that names somebody who is there, its last byte wrong; or one of random bytes behind the same beginning. */
function damaged(token: string, start: number, side: Side): string {
  const bytes = Buffer.from(token.slice(start), 'base64url');
  // Version and key id stay.
  if (side === 'unknown') randomBytes(bytes.length - 5).copy(bytes, 5);
  else bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  return token.slice(0, start) + bytes.toString('base64url');
}
