import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW } from '../../../test/fixtures.ts';
import { fail, solve } from '../../../test/puzzles.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import { createKeyedHash } from '../../platform/crypto/keyed-hash.ts';
import { createKeyring } from '../../platform/crypto/keyring.ts';
import { createCounters } from '../../platform/limits/counters.ts';
import { createProofOfWork } from './proof-of-work.ts';

/** Few enough that a test is quick. */
const BITS = 9;

function open(secret = 'a secret of thirty-two bytes or more!') {
  const time = { now: NOW };
  const keyring = createKeyring({ current: secret, previous: null });
  return {
    time,
    proofs: createProofOfWork({
      keyring,
      counters: createCounters(null, createKeyedHash(Buffer.from('of the tests'))),
      clock: () => time.now,
    }),
  };
}

test('a puzzle that was solved is accepted, once', async () => {
  const { proofs } = open();
  const puzzle = proofs.pose(BITS);
  assert.equal(puzzle.bits, BITS);
  assert.equal(puzzle.expiresIn, 300);
  const solution = solve(puzzle);
  assert.equal(await proofs.accept(solution, BITS), true);
  assert.equal(await proofs.accept(solution, BITS), false);
  const another = solve(puzzle, Number.parseInt(solution.solution, 36) + 1);
  assert.equal(await proofs.accept(another, BITS), false, 'it is the puzzle that serves once');
});

test('of 50 who bring one solution at once, one is let in', async () => {
  const { proofs } = open();
  const solution = solve(proofs.pose(BITS));
  const accepted = await Promise.all(Array.from({ length: 50 }, () => proofs.accept(solution, BITS)));
  assert.equal(accepted.filter(Boolean).length, 1);
});

test('what is wrong uses nothing up', async () => {
  const { proofs } = open();
  const puzzle = proofs.pose(BITS);
  assert.equal(await proofs.accept(fail(puzzle), BITS), false);
  assert.equal(await proofs.accept(solve(puzzle), BITS + 1), false, 'more is asked for now');
  assert.equal(await proofs.accept(solve(puzzle), BITS), true);
  assert.equal(await proofs.accept(solve(proofs.pose(BITS + 2)), BITS), true, 'more than is asked for');
});

test('a puzzle runs out after five minutes', async () => {
  const { proofs, time } = open();
  const [early, late] = [solve(proofs.pose(BITS)), solve(proofs.pose(BITS))];
  time.now = after(NOW, 5 * MINUTE - 1000);
  assert.equal(await proofs.accept(early, BITS), true);
  time.now = after(NOW, 5 * MINUTE);
  assert.equal(await proofs.accept(late, BITS), false);
});

test('nobody makes puzzles of their own, or easier ones of ours', async () => {
  const { proofs } = open();
  const foreign = open('another secret of thirty-two bytes...').proofs.pose(BITS);
  assert.equal(await proofs.accept(solve(foreign), BITS), false);
  const { challenge } = proofs.pose(BITS);
  const bytes = Buffer.from(challenge, 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(await proofs.accept(solve({ challenge: changed.toString('base64url'), bits: BITS }), BITS), false);
  }
  for (const bad of ['', 'A', `${challenge}A`, `${challenge}=`, challenge.slice(0, -1), 'A'.repeat(55)]) {
    assert.equal(await proofs.accept(solve({ challenge: bad, bits: BITS }), BITS), false, bad);
    assert.equal(await proofs.accept(solve({ challenge: bad, bits: BITS }), 0), false, bad);
  }
});
