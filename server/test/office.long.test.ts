import { test } from 'node:test';
import { spendDay } from './office.ts';

for (const seed of [1, 2]) {
  test(`200 people behind one address work a day with slips, lost answers and twenty tabs each: nobody waits, nobody is signed out (seed ${seed})`, (t) =>
    spendDay(t, { people: 200, tabs: 20, seed }));
}
