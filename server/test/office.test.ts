import { test } from 'node:test';
import { spendDay } from './office.ts';

test('30 people behind one address work a day with slips, lost answers and six tabs each: nobody waits, nobody is signed out', (t) =>
  spendDay(t, { people: 30, tabs: 6, seed: 12 }));
