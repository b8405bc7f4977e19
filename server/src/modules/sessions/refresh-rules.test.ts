import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeSession } from '../../../test/fixtures.ts';
import { after, DAY, MINUTE, SECOND } from '../../platform/clock.ts';
import { judgeRefresh, type RefreshVerdict } from './refresh-rules.ts';
import type { SessionRecord } from './session-store.ts';

const HERE = true;
const ELSEWHERE = false;
const ROTATED = new Date('2026-11-20T12:00:00Z');

function sessionWith(fields: Partial<SessionRecord>): SessionRecord {
  const base = { generation: 5, tokenHash: 'five', previousHash: 'four', rotatedAt: ROTATED };
  return { ...makeSession(), ...base, ...fields };
}

const token = (generation: number, hash: string) => ({ sessionId: 's', generation, text: hash, hash });
const USED = { generationUsed: true };
const UNUSED = { generationUsed: false };

const cases: [string, number, string, number, Partial<SessionRecord>, boolean, RefreshVerdict][] = [
  ['the present token', 5, 'five', MINUTE, USED, HERE, 'rotate'],
  ['the present token of a client that may not send it', 5, 'five', MINUTE, USED, ELSEWHERE, 'refused'],
  ['a token of a future that was forgotten', 6, 'six', MINUTE, USED, HERE, 'refused'],
  ['its twin from before a restored backup', 5, 'other five', MINUTE, USED, HERE, 'refused'],
  ['the predecessor at once', 4, 'four', 0, USED, HERE, 'crossed'],
  ['the predecessor after 10 s', 4, 'four', 10 * SECOND, USED, HERE, 'crossed'],
  ['the predecessor later, its successor used', 4, 'four', 10 * SECOND + 1, USED, HERE, 'replayed'],
  ['the predecessor later, nothing used', 4, 'four', 10 * SECOND + 1, UNUSED, HERE, 'lost_answer'],
  ['the predecessor weeks later, nothing used', 4, 'four', 29 * DAY, UNUSED, HERE, 'lost_answer'],
  ['the predecessor weeks later, its successor used', 4, 'four', 29 * DAY, USED, HERE, 'replayed'],
  ['the predecessor at once from a client that may not send it', 4, 'four', 0, UNUSED, ELSEWHERE, 'replayed'],
  ['another token of that generation', 4, 'other four', 0, UNUSED, HERE, 'replayed'],
  ['the one before the predecessor', 3, 'three', 0, UNUSED, HERE, 'replayed'],
  ['the first one', 0, 'zero', 0, UNUSED, HERE, 'replayed'],
];

for (const [name, generation, hash, age, fields, mayRefresh, verdict] of cases) {
  test(`${name}: ${verdict}`, () => {
    assert.equal(judgeRefresh(sessionWith(fields), token(generation, hash), mayRefresh, after(ROTATED, age)), verdict);
  });
}
