import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countryOf } from './country.ts';

test('public addresses have the country that they are registered in', () => {
  assert.equal(countryOf('193.0.6.139'), 'NL');
  assert.equal(countryOf('::ffff:193.0.6.139'), 'NL');
  assert.equal(countryOf('193.99.144.80'), 'DE');
  assert.equal(countryOf('2a02:2e0:3fe:1001:302::'), 'DE');
});

test('addresses of no country have none', () => {
  const special = [
    '127.0.0.1',
    '10.1.2.3',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
  ];
  special.push(
    '192.0.2.1',
    '224.0.0.1',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    'ff02::1',
    '2001:db8::1',
    '::ffff:127.0.0.1',
  );
  special.push('', 'unknown', '1.2.3', '193.0.6.139:80');
  for (const ip of special) assert.equal(countryOf(ip), null, ip);
});
