import { describe, test } from 'node:test';
import { isThere, type Place, runExample } from './sites-example.ts';

/** On SQLite alone its own test runs, and on the others one that is long. */
const PLACES: Place[] = [
  { main: 'sqlite', violations: 'mongodb' },
  { main: 'postgres', violations: 'mongodb' },
];

describe('the example of sites, with violations on another database than users', () => {
  for (const place of PLACES.filter(isThere)) {
    test(`${place.violations} beside ${place.main}`, () => runExample(place));
  }

  test('is run', (t) => {
    if (!PLACES.some(isThere)) t.skip('there is no other database in this run');
  });
});
