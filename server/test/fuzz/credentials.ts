import { createHmac } from 'node:crypto';
import type { Random } from './random.ts';

/** Somebody who is signed in. */
export interface Person {
  email: string;
  username: string;
  password: string;
  accessToken: string;
  refreshToken: string;
  sessionId: string;
  userId: string;
}

export interface Credentials {
  authorization: string | string[] | null;
  /** Whether the token is genuine: anything else must never open a guarded route. */
  genuine: boolean;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;

/** An `Authorization` field: the person's own token, none, or a forgery made of it. */
export function credentials(person: Person, mark: string, honest: number, random: Random): Credentials {
  if (random.chance(honest)) return { authorization: `Bearer ${person.accessToken}`, genuine: true };
  const authorization = forgery(person, mark, random);
  // A superadmin who forges that role into their token forges nothing.
  return { authorization, genuine: authorization === `Bearer ${person.accessToken}` };
}

function forgery(person: Person, mark: string, random: Random): string | string[] | null {
  const token = person.accessToken;
  const [head = '', payload = '', signature = ''] = token.split('.');
  const header = decode(head);
  const claims = decode(payload);
  const withHeader = (change: object) => `Bearer ${encode({ ...header, ...change })}.${payload}.${signature}`;
  const withClaims = (change: object) => `Bearer ${head}.${encode({ ...claims, ...change })}.${signature}`;
  const signedBy = (key: string, change: object = {}) => {
    const input = `${encode({ ...header, alg: 'HS256', ...change })}.${encode({ ...claims, sid: mark })}`;
    return `Bearer ${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
  };
  return random.pick<() => string | string[] | null>([
    () => null,
    () => '',
    () => 'Bearer',
    () => 'Bearer ',
    () => `Bearer ${mark}`,
    () => `Basic ${Buffer.from(`${person.username}:${person.password}`).toString('base64')}`,
    () => `Digest username="${mark}"`,
    () => `Token ${token}`,
    () => `Bearer: ${token}`,
    () => `Bearer ${token}x`,
    () => `Bearer ${token}=`,
    () => `Bearer ${token}.`,
    () => `Bearer ${token}.${mark}`,
    () => `Bearer ${token} ${mark}`,
    () => `Bearer ${token},Bearer ${token}`,
    () => `Bearer ${token.slice(0, -3)}`,
    () => `Bearer ${token.slice(0, 20 + random.int(100))}`,
    () => `Bearer ${head}.${payload}.`,
    () => `Bearer ${head}.${payload}`,
    () => `Bearer ${head}.${payload}.${Buffer.alloc(64, random.int(256)).toString('base64url')}`,
    () => `Bearer ..`,
    () => `Bearer ${'.'.repeat(3_000)}`,
    () => `Bearer ${person.refreshToken}`,
    () => `Bearer ${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
    () => withHeader({ alg: 'none' }),
    () => withHeader({ alg: 'HS256' }),
    () => withHeader({ alg: 'RS256', jku: `https://${mark}.example/keys` }),
    () => withHeader({ typ: 'JWT' }),
    () => withHeader({ kid: `../../${mark}` }),
    () => withHeader({ kid: `' or 1=1 -- ${mark}` }),
    () => withHeader({ kid: { $ne: null } }),
    () => withHeader({ kid: '__proto__' }),
    () => withHeader({ crit: ['exp'] }),
    () => withClaims({ exp: 4_000_000_000 }),
    () => withClaims({ exp: '4000000000' }),
    () => withClaims({ roles: ['superadmin'] }),
    () => withClaims({ sid: { $ne: mark } }),
    () => withClaims({ sub: mark }),
    () => signedBy(''),
    () => signedBy(String(header.kid)),
    () => signedBy('key', { kid: mark }),
    () => `Bearer ${encode(null)}.${encode(null)}.${signature}`,
    () => `Bearer ${encode([])}.${encode(mark)}.${signature}`,
    () => `Bearer ${Buffer.from([0xff, 0xfe]).toString('base64url')}.${payload}.${signature}`,
    () => `Bearer ${encode(JSON.parse('['.repeat(500) + ']'.repeat(500)))}.${payload}.${signature}`,
    () => `Bearer ${mark}${'a'.repeat(7_000)}`,
    () => [`Bearer ${token}`, `Bearer ${token}`],
  ])();
}
