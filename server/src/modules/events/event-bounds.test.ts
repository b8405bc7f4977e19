import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AWKWARD_TIMES } from '../../../test/awkward-values.ts';
import { after } from '../../platform/clock.ts';
import { leastId, newId } from '../../platform/ids.ts';
import { typeRange } from './event-bounds.ts';

test('of the ids that are made, the least id of a time has exactly the earlier ones below it', () => {
  for (const time of [new Date(0), ...AWKWARD_TIMES, new Date('9999-12-31T23:59:59.999Z')]) {
    for (let i = 0; i < 50; i++) {
      assert.ok(newId(time) >= leastId(time));
      assert.ok(newId(time) < leastId(after(time, 1)));
    }
  }
});

test('times that no id is made of bound all, or nothing; what is no time is refused', () => {
  assert.equal(leastId(new Date(-1)), '00000000-0000');
  assert.equal(leastId(new Date(8.64e15)), 'ffffffff-ffff');
  assert.throws(() => leastId(new Date(Number.NaN)), TypeError);
});

test('only an asterisk after a dot, at the end, makes a range', () => {
  assert.deepEqual(typeRange('user.*'), { from: 'user.', before: 'user/' });
  assert.deepEqual(typeRange('a.b.*'), { from: 'a.b.', before: 'a.b/' });
  for (const type of ['user', 'user.', 'user*', '*', 'user.*.x', '*.user', '']) assert.equal(typeRange(type), null);
});
