import { createHash, randomBytes } from 'node:crypto';
import { newId } from '../../server/src/platform/ids.ts';

/** One session of the hand-written side. */
export interface RawSession {
  id: string;
  userId: string;
  version: number;
  hash: string;
}

const IDLE = 30 * 24 * 3600 * 1000;
const DEVICE = JSON.stringify({ browser: 'Firefox', os: 'Linux', kind: 'desktop' });

const digest = (text: string) => createHash('sha256').update(text).digest('base64url');

export function newSessions(count: number): RawSession[] {
  const now = new Date();
  return Array.from({ length: count }, () => ({
    id: newId(now),
    userId: newId(now),
    version: 1,
    hash: digest(newId(now)),
  }));
}

const SESSION = {
  columns:
    'id, user_id, client_id, epoch, generation, token_hash, rotated_at, generation_used, amr, auth_time, device, ip, network, created_at, last_seen_at, idle_expires_at, expires_at, version',
  count: 18,
};
const EVENT = {
  columns:
    'id, type, version, target, seq, user_id, actor_id, at, ip, request_id, device, data, due_at, attempts, handled',
  count: 15,
};

/** The statements of one rotation, with the same columns and conditions as the server's, in a dialect's placeholders. */
export function statements(placeholder: (index: number) => string) {
  const list = (count: number) => Array.from({ length: count }, (_, index) => placeholder(index + 1)).join(', ');
  const set = ['generation', 'token_hash', 'previous_hash', 'rotation_nonce', 'rotated_at', 'generation_used'].concat([
    'last_seen_at',
    'idle_expires_at',
    'ip',
    'network',
    'country',
    'version',
  ]);
  const assignments = set.map((column, index) => `${column} = ${placeholder(index + 1)}`).join(', ');
  const where = ['id', 'version', 'generation', 'token_hash']
    .map((column, index) => `${column} = ${placeholder(set.length + index + 1)}`)
    .join(' and ');
  const idle = placeholder(set.length + 5);
  return {
    createSession: `insert into sessions (${SESSION.columns}) values (${list(SESSION.count)})`,
    rotate: `update sessions set ${assignments} where ${where} and ended_at is null and idle_expires_at > ${idle}`,
    addEvent: `insert into events (${EVENT.columns}) values (${list(EVENT.count)})`,
  };
}

type Value = string | number | boolean | null;

/** The values of `createSession`. */
export function sessionValues({ id, userId, version, hash }: RawSession): Value[] {
  const now = new Date();
  const time = now.toISOString();
  const later = new Date(now.getTime() + IDLE).toISOString();
  const place = ['127.0.0.1', '127.0.0.0/24'];
  const start = [id, userId, 'ostiary', 0, version - 1, hash, time, true, '["pwd"]', time, DEVICE];
  return [...start, ...place, time, time, later, later, version];
}

/** The values of `rotate` and `addEvent` for the next rotation of a session, which is thereby advanced. */
export function rotationValues(session: RawSession): { rotate: Value[]; addEvent: Value[] } {
  const { id, userId, version, hash } = session;
  const now = new Date();
  const time = now.toISOString();
  const later = new Date(now.getTime() + IDLE).toISOString();
  const nonce = `0123abcd.${randomBytes(32).toString('base64url')}`;
  session.hash = digest(nonce);
  session.version = version + 1;
  const place = ['127.0.0.1', '127.0.0.0/24', null];
  const set = [version, session.hash, hash, nonce, time, false, time, later, ...place, version + 1];
  const about = [newId(now), 'session.refreshed', 1, `session:${id}`, version + 1];
  const by = [null, userId, time, '127.0.0.1', newId(now), DEVICE];
  return { rotate: [...set, id, version, version - 1, hash, time], addEvent: [...about, ...by, '{}', null, 0, '[]'] };
}
