import { describe, test } from 'node:test';
import { isThere, type Place, runExample } from './sites-example.ts';

const PLACES: Place[] = [
  { main: 'postgres' },
  { main: 'mysql' },
  { main: 'mongodb' },
  { main: 'mongodb', violations: 'postgres' },
  { main: 'mysql', violations: 'mongodb' },
];

describe('the example of sites', () => {
  for (const place of PLACES.filter(isThere)) {
    test(`on ${place.main}${place.violations ? `, with violations on ${place.violations}` : ''}`, () =>
      runExample(place));
  }
});
