import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldAddress } from './address.ts';

test('each address has one spelling', () => {
  const table: [string, string | null][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:255.255.255.255', '255.255.255.255'],
    ['::1', '::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::192.0.2.1', '::c000:201'],
    ['192.0.2', null],
    ['192.0.2.01', null],
    ['example.com', null],
    ['', null],
  ];
  for (const [ip, folded] of table) assert.equal(foldAddress(ip), folded, ip);
});
