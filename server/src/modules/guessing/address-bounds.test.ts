import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atOnce, withScene } from '../../../test/scenario.ts';
import { DAY, HOUR, MINUTE } from '../../platform/clock.ts';
import { createKeyedHash } from '../../platform/crypto/keyed-hash.ts';
import { AppError } from '../../platform/errors.ts';
import { type AddressBounds, createAddressBounds } from './address-bounds.ts';
import { createThrottles } from './throttles.ts';

const ANN = 'ann@example.com';
const OWNER = { ip: '198.51.100.7' };
const stranger = (number: number) => ({ ip: `203.0.113.${number}` });

function withBounds(
  run: (s: { bounds: AddressBounds; forward(milliseconds: number): void }) => Promise<void>,
): Promise<void> {
  return withScene(async ({ app, time }) => {
    const throttles = createThrottles({
      store: app.storage.throttles,
      keyedHash: createKeyedHash(Buffer.from('of the tests')),
      clock: () => time.now,
    });
    await run({ bounds: createAddressBounds({ throttles }), forward: (milliseconds) => time.forward(milliseconds) });
  });
}

/** How many of these requests are mailed. */
async function mailed(bounds: AddressBounds, askers: Parameters<AddressBounds['takeMail']>[0][]): Promise<number> {
  let count = 0;
  for (const asker of askers) count += Number((await bounds.takeMail(asker, ANN)) === 0);
  return count;
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

async function isRefused(guess: Promise<unknown>): Promise<boolean> {
  return guess.then(
    () => false,
    (error) => error instanceof AppError && error.code === 'rate_limited',
  );
}

test('one network: five mails an hour to an address, then one an hour, and never a longer wait than an hour', () =>
  withBounds(async ({ bounds, forward }) => {
    assert.equal(await mailed(bounds, times(20, stranger(1))), 5);
    assert.equal(await bounds.takeMail(stranger(1), ANN), HOUR);
    assert.equal(await bounds.takeMail(stranger(1), 'bob@example.com'), 0, 'another address');
    let day = 5;
    for (let minute = 0; minute < 24 * 60; minute += 5, forward(5 * MINUTE)) {
      const wait = await bounds.takeMail(stranger(1), ANN);
      assert.ok(wait <= HOUR);
      day += Number(wait === 0);
    }
    assert.ok(day <= 60, `${day} mails in a day`);
  }));

test('many networks: one mail each, and ten more together', () =>
  withBounds(async ({ bounds }) => {
    const askers = Array.from({ length: 20 }, (_, index) => times(5, stranger(index))).flat();
    assert.equal(await mailed(bounds, askers), 20 + 10);
  }));

test('strangers who use everything up leave room for the first request of another network, also an hour later', () =>
  withBounds(async ({ bounds, forward }) => {
    for (let index = 0; index < 40; index++) await mailed(bounds, times(5, stranger(index)));
    assert.equal(await bounds.takeMail(OWNER, ANN), 0);
    assert.ok((await bounds.takeMail(OWNER, ANN)) > 0);
    forward(HOUR);
    await mailed(bounds, times(9, stranger(1)));
    assert.equal(await bounds.takeMail(OWNER, ANN), 0);
  }));

test('what was refused does not use up the first request of a network', () =>
  withBounds(async ({ bounds, forward }) => {
    for (let site = 0; site < 200; site++) await bounds.takeMail({ ip: `2001:db8:${site.toString(16)}::1` }, ANN);
    assert.equal(await bounds.takeMail(OWNER, ANN), 5 * MINUTE, 'after a hundred networks');
    forward(5 * MINUTE);
    assert.equal(await bounds.takeMail(OWNER, ANN), 0);
  }));

test('IPv6 counts by site: one subscriber may have 65,536 networks', () =>
  withBounds(async ({ bounds }) => {
    const askers = Array.from({ length: 50 }, (_, index) => ({ ip: `2001:db8:1:${index.toString(16)}::1` }));
    assert.equal(await mailed(bounds, askers), 5);
    assert.equal(await bounds.takeMail({ ip: '2001:db8:2::1' }, ANN), 0);
  }));

test('a known device has five an hour of its own, also in the network of a stranger', () =>
  withBounds(async ({ bounds }) => {
    await mailed(bounds, times(20, OWNER));
    assert.equal(await mailed(bounds, times(9, { ...OWNER, apart: 'device one' })), 5);
    assert.equal(await mailed(bounds, times(9, { ...OWNER, apart: 'device two' })), 5);
    assert.equal(await bounds.takeMail(stranger(1), ANN), 0, 'and takes no room from others');
  }));

test('of 50 requests at once five are mailed', () =>
  withBounds(async ({ bounds }) => {
    const waits = await atOnce(50, () => bounds.takeMail(OWNER, ANN));
    assert.ok(waits.filter((wait) => wait === 0).length <= 5);
  }));

test('wrong codes: twenty from one network, fifty in all, and one from every further network', () =>
  withBounds(async ({ bounds }) => {
    for (let tries = 0; tries < 20; tries++) await bounds.takeGuess(stranger(1), ANN);
    assert.ok(await isRefused(bounds.takeGuess(stranger(1), ANN)));
    let more = 0;
    for (let index = 2; index < 40; index++) {
      for (let tries = 0; tries < 5; tries++)
        more += Number(!(await isRefused(bounds.takeGuess(stranger(index), ANN))));
    }
    assert.ok(more <= 38 + 11, `${more} guesses`);
    assert.equal(await isRefused(bounds.takeGuess(OWNER, ANN)), false);
  }));

test('a day of guessing from one network stays below a hundred tries', () =>
  withBounds(async ({ bounds, forward }) => {
    let tries = 0;
    for (let passed = 0; passed < DAY; passed += 5 * MINUTE, forward(5 * MINUTE)) {
      for (let again = 0; again < 3; again++) tries += Number(!(await isRefused(bounds.takeGuess(OWNER, ANN))));
    }
    assert.ok(tries < 100, `${tries} guesses`);
  }));

test('mails that sign in: of 50 at once one, then one a minute, and within what any mail is bounded by', () =>
  withBounds(async ({ bounds, forward }) => {
    const mails = async (count: number, asker: { ip: string; apart?: string }) =>
      (await atOnce(count, () => bounds.takeSignInMail(asker, ANN))).filter((wait) => wait === 0).length;
    assert.equal(await mails(50, OWNER), 1);
    assert.equal(await bounds.takeSignInMail(OWNER, ANN), MINUTE);
    assert.equal(await mails(50, { ...OWNER, apart: 'device one' }), 1);
    forward(MINUTE);
    // Four resets use up what is left of the five mails, and what was refused does not count.
    for (let again = 0; again < 4; again++) assert.equal(await bounds.takeMail(OWNER, ANN), 0);
    assert.equal(await bounds.takeSignInMail(OWNER, ANN), HOUR);
    forward(HOUR);
    assert.equal(await bounds.takeSignInMail(OWNER, ANN), 0);
  }));

test('codes that sign in: twenty a day of all strangers, at once as one after the other; a known device apart', () =>
  withBounds(async ({ bounds, forward }) => {
    const tries = await atOnce(50, async (index) => !(await isRefused(bounds.takeSignInGuess(stranger(index), ANN))));
    const first = tries.filter(Boolean).length;
    let more = 0;
    for (let again = 0; again < 50; again++) more += Number(!(await isRefused(bounds.takeSignInGuess(OWNER, ANN))));
    assert.equal(first + more, 20);
    assert.equal(await isRefused(bounds.takeSignInGuess({ ...OWNER, apart: 'device one' }, ANN)), false);
    forward(DAY - 1);
    assert.equal(await isRefused(bounds.takeSignInGuess(OWNER, ANN)), true);
    forward(1);
    assert.equal(await isRefused(bounds.takeSignInGuess(OWNER, ANN)), false);
  }));

test('a right code costs nothing', () =>
  withBounds(async ({ bounds }) => {
    for (let tries = 0; tries < 50; tries++) await (await bounds.takeGuess(OWNER, ANN)).undo();
    assert.equal(await isRefused(bounds.takeGuess(OWNER, ANN)), false);
  }));
