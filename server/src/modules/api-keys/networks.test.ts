import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coversNetworks, createNetworkCheck, toNetwork } from './networks.ts';

test('networks have one form; whatever is none, or has bits of hosts, is refused', () => {
  const table: [text: string, network: string | null][] = [
    ['192.0.2.7', '192.0.2.7/32'],
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['192.0.2.128/25', '192.0.2.128/25'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['2001:0db8:0000::0001/128', '2001:db8::1/128'],
    ['::/0', '::/0'],
    ['::ffff:192.0.2.7', '192.0.2.7/32'],
    ['::ffff:192.0.2.0/120', '192.0.2.0/24'],
    ['::ffff:192.0.2.0/24', null],
    ['192.0.2.7/24', null],
    ['192.0.2.64/25', null],
    ['2001:db8::1/64', null],
    ['192.0.2.0/33', null],
    ['192.0.2.0/-1', null],
    ['192.0.2.0/', null],
    ['192.0.2.0/24/24', null],
    ['192.0.2/24', null],
    ['192.0.02.1', null],
    ['2001:db8::/129', null],
    ['fe80::1%eth0', null],
    ['example.com', null],
    ['', null],
    ['/24', null],
  ];
  for (const [text, network] of table) assert.equal(toNetwork(text), network, text);
});

test('an address is in a network, whichever way it is written', () => {
  const check = createNetworkCheck(['192.0.2.0/24', '2001:db8::/32']);
  for (const ip of ['192.0.2.0', '192.0.2.255', '::ffff:192.0.2.9', '2001:db8::1', '2001:DB8:FFFF::'])
    assert.ok(check(ip), ip);
  for (const ip of ['192.0.3.0', '192.0.1.255', '2001:db9::1', '::ffff:192.0.3.1', '::192.0.2.1', '', 'x', 'unknown'])
    assert.ok(!check(ip), ip);
  assert.ok(createNetworkCheck(['0.0.0.0/0'])('203.0.113.9'));
  assert.ok(!createNetworkCheck(['0.0.0.0/0'])('2001:db8::1'));
});

test('networks lie in others; none are all', () => {
  assert.ok(coversNetworks([], []));
  assert.ok(coversNetworks([], ['192.0.2.0/24']));
  assert.ok(!coversNetworks(['192.0.2.0/24'], []));
  assert.ok(coversNetworks(['192.0.2.0/24'], ['192.0.2.0/24', '192.0.2.128/25', '192.0.2.7/32']));
  assert.ok(!coversNetworks(['192.0.2.0/24'], ['192.0.2.0/23']));
  assert.ok(!coversNetworks(['192.0.2.0/24'], ['192.0.2.0/24', '192.0.3.0/24']));
  assert.ok(!coversNetworks(['::/0'], ['192.0.2.0/24']));
  assert.ok(coversNetworks(['10.0.0.0/8', '2001:db8::/32'], ['2001:db8:1::/48']));
});
