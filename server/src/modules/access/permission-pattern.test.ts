import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byMethod, covers, METHODS, PERMISSION_PATTERN } from './permission-pattern.ts';

const form = new RegExp(PERMISSION_PATTERN, 'u');

test('the form of patterns', () => {
  const good = [
    '*',
    'GET:/',
    '*:/*',
    'GET:/api/v1/admin/users/{id}',
    '*:/api/v1/admin/users/*',
    'PATCH:/api/*/users/{id}',
    'DELETE:/.well-known/jwks.json',
  ];
  for (const pattern of good) assert.match(pattern, form, pattern);
  const bad = [
    '',
    '**',
    '*:*',
    '*:',
    'GET',
    'GET:',
    'GET:api',
    'get:/api',
    'HEAD:/api',
    'OPTIONS:/api',
    'TRACE:/',
    'GET:/api/',
    'GET://api',
    'GET:/a pi',
    'GET:/us*',
    'GET:/*x',
    'GET:/a:b',
    ' GET:/api',
    'GET:/api\n',
    'GET:/a\u0000',
    '*:/a/**',
  ];
  for (const pattern of bad) assert.doesNotMatch(pattern, form, JSON.stringify(pattern));
});

/** Pairs in which `outer` covers `inner`. The reverse is asserted not to hold, unless it is listed, too. */
const COVERED: [outer: string, inner: string][] = [
  ['*', 'GET:/'],
  ['*', '*:/*'],
  ['*:/*', 'GET:/api/v1/users/{id}'],
  ['*:/*', '*:/api/*'],
  ['GET:/*', 'GET:/api'],
  ['GET:/api/*', 'GET:/api/v1'],
  ['GET:/api/*', 'GET:/api/v1/*'],
  ['GET:/api/*', 'GET:/api/*/x'],
  ['GET:/api/*', 'GET:/api/{id}'],
  ['GET:/api/*/x', 'GET:/api/{id}/x'],
  ['GET:/api/*/*', 'GET:/api/a/b/c'],
  ['GET:/*/v1/*', 'GET:/api/v1/users'],
  ['*:/api/{id}', 'PUT:/api/{id}'],
];

const NOT_COVERED: [outer: string, inner: string][] = [
  ['GET:/api/*', 'GET:/api'],
  ['GET:/api/*', 'POST:/api/x'],
  ['GET:/api/*', '*:/api/x'],
  ['GET:/api/*', 'GET:/apix/y'],
  ['GET:/api/v1/*', 'GET:/api/*'],
  ['GET:/api/v1/*', 'GET:/api/*/x'],
  ['GET:/api/*/x', 'GET:/api/a/b/x'],
  ['GET:/api/*/x', 'GET:/api/*'],
  ['GET:/api/*/*', 'GET:/api/*'],
  ['GET:/api/*/*', 'GET:/api/a'],
  ['GET:/api/{id}', 'GET:/api/*'],
  ['GET:/api/{id}', 'GET:/api/{user}'],
  ['GET:/', 'GET:/*'],
  ['*:/*', 'GET:/'],
  ['*:/*', '*'],
];

test('what covers what', () => {
  for (const [outer, inner] of COVERED) {
    assert.equal(covers(outer, inner), true, `${outer} covers ${inner}`);
    assert.equal(covers(inner, outer), false, `${inner} does not cover ${outer}`);
  }
  for (const [outer, inner] of NOT_COVERED) assert.equal(covers(outer, inner), false, `${outer} covers not ${inner}`);
});

const segment = fc.constantFrom('*', 'a', 'b', '{id}');
const pattern = fc.oneof(
  fc.constant('*'),
  fc
    .tuple(fc.constantFrom('*', ...METHODS), fc.array(segment, { minLength: 1, maxLength: 4 }))
    .map(([method, segments]) => `${method}:/${segments.join('/')}`),
);
const code = fc
  .tuple(fc.constantFrom(...METHODS), fc.array(fc.constantFrom('a', 'b', '{id}'), { minLength: 1, maxLength: 6 }))
  .map(([method, segments]) => `${method}:/${segments.join('/')}`);
const options = { numRuns: 20_000, seed: 42 };

test('who covers a pattern covers every code that it stands for, and is transitive', () => {
  fc.assert(
    fc.property(pattern, pattern, code, (outer, inner, some) => {
      fc.pre(covers(outer, inner) && covers(inner, some));
      assert.equal(covers(outer, some), true);
    }),
    { ...options, numRuns: 2_000, maxSkipsPerRun: 10_000 },
  );
});

test('who does not cover a pattern misses a code that it stands for', () => {
  // All codes up to a length beyond that of the patterns: enough to distinguish any two patterns.
  const parts = ['a', 'c', '{id}'];
  const paths: string[][] = [[]];
  for (let length = 0; length < 5; length++)
    paths.push(
      ...paths.filter((path) => path.length === length).flatMap((path) => parts.map((part) => [...path, part])),
    );
  const codes = METHODS.flatMap((method) =>
    paths.filter(({ length }) => length > 0).map((path) => `${method}:/${path.join('/')}`),
  );
  fc.assert(
    fc.property(pattern, pattern, (outer, inner) => {
      fc.pre(outer !== '*' && inner !== '*');
      const all = byMethod(inner).every((one) => covers(outer, one));
      const missed = codes.filter((one) => covers(inner, one) && !covers(outer, one));
      const known = ['b'].some((name) => inner.split('/').includes(name));
      if (!all && !known) assert.ok(missed.length > 0, `${outer} misses nothing of ${inner}`);
      if (all) assert.deepEqual(missed, []);
    }),
    { ...options, numRuns: 1_000 },
  );
});

test('five methods are all of them', () => {
  assert.deepEqual(byMethod('GET:/a'), ['GET:/a']);
  assert.deepEqual(byMethod('*'), ['*']);
  assert.deepEqual(
    byMethod('*:/a/*'),
    METHODS.map((method) => `${method}:/a/*`),
  );
});
