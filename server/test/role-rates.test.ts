import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin, withWorld } from './administration.ts';
import { ok } from './client.ts';
import { LIMITED, newAddress } from './guessers.ts';
import { giveRoles, type Member, member, signIn, type World } from './matrix/world.ts';
import { atOnce, refused, tally } from './scenario.ts';

const limited = (run: (w: World) => Promise<void>) => withWorld(run, { env: LIMITED });

/** Each from another client, so that only the rate of the person can be what refuses. */
const read = (w: World, token: string) =>
  w.client.send('GET', '/users/me', { token, headers: { 'x-forwarded-for': newAddress() } });

async function admitted(w: World, token: string, times: number): Promise<number> {
  let count = 0;
  for (let i = 0; i < times; i++) count += Number((await read(w, token)).statusCode === 200);
  return count;
}

async function roleWithRate(w: World, code: string, rateLimit: object | null): Promise<string> {
  const body = { code, name: code, rateLimit };
  return ok<{ id: string }>(await admin(w, 'POST', '/roles', body), 201).id;
}

test('a guest has 24 requests a day, from all clients and in all sessions together; it shows in no header field', () =>
  limited(async (w) => {
    const guest = await member(w, ['guest']);
    const { token } = await signIn(w, guest);
    assert.equal((await admitted(w, guest.token, 12)) + (await admitted(w, token, 12)), 24);
    const answer = await read(w, token);
    refused(answer, 429, 'rate_limited');
    assert.ok(Number(answer.headers['retry-after']) > 80_000);
    assert.deepEqual(
      Object.keys(answer.headers).filter((name) => /ratelimit/.test(name)),
      [],
    );
    const neighbour = await member(w, ['guest']);
    assert.equal(await admitted(w, neighbour.token, 1), 1);
  }));

test('a superadmin is one by rate, too, whatever other roles they have', () =>
  limited(async (w) => {
    const { token } = await member(w, ['guest', 'superadmin']);
    assert.equal(await admitted(w, token, 40), 40);
  }));

test('fifty requests of a guest at once are 24, too', () =>
  limited(async (w) => {
    const { token } = await member(w, ['guest']);
    assert.deepEqual(tally(await atOnce(50, () => read(w, token))), { '200': 24, '429 rate_limited': 26 });
  }));

test('the most generous role counts, by what it gives in a time; not one that is disabled, and not one without a rate', () =>
  limited(async (w) => {
    await roleWithRate(w, 'hasty', { max: 3, windowSeconds: 1800 });
    await roleWithRate(w, 'wide', { max: 4, windowSeconds: 86_400 });
    await roleWithRate(w, 'silent', null);
    const off = await roleWithRate(w, 'off', { max: 1000, windowSeconds: 60 });
    ok(await admin(w, 'PATCH', `/roles/${off}`, { enabled: false }), 200);
    for (const [roles, expected] of [
      [['guest', 'user'], 40],
      [['guest', 'hasty', 'off', 'silent'], 3],
      [['wide', 'hasty'], 3],
      [['wide', 'silent'], 4],
      [['silent'], 40],
    ] as const) {
      const { token } = await member(w, roles);
      assert.equal(await admitted(w, token, 40), expected, roles.join());
    }
  }));

test('a rate that changes, and roles that change, hold at once', () =>
  limited(async (w) => {
    const id = await roleWithRate(w, 'narrow', { max: 2, windowSeconds: 3600 });
    const narrowed: Member = await member(w, ['narrow']);
    assert.equal(await admitted(w, narrowed.token, 5), 2);
    ok(await admin(w, 'PATCH', `/roles/${id}`, { rateLimit: { max: 4, windowSeconds: 3600 } }), 200);
    assert.equal(await admitted(w, narrowed.token, 9), 4);
    await giveRoles(w, narrowed.userId, ['user']);
    assert.equal(await admitted(w, narrowed.token, 9), 9);
  }));

test('who has used up their rate can still sign in and out', () =>
  limited(async (w) => {
    const guest = await member(w, ['guest']);
    await admitted(w, guest.token, 25);
    const body = { login: guest.email, password: guest.password };
    ok(await w.client.send('POST', '/auth/login', { body }), 200);
    ok(await w.client.send('POST', '/auth/logout', { token: guest.token }), 204);
  }));

test('RATE_LIMITS=off lifts the rates of roles, too', () =>
  withWorld(
    async (w) => {
      const { token } = await member(w, ['guest']);
      assert.equal(await admitted(w, token, 40), 40);
    },
    { env: { ...LIMITED, RATE_LIMITS: 'off' } },
  ));
