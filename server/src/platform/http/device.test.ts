import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { describeDevice, isBrowser, parseDevice, sameBrowser, sameDevice } from './device.ts';

const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';
const WINDOWS_CHROME = `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME}`;

test('browsers are told by name, system and kind', () => {
  const table: [string, string | null, string | null, string][] = [
    [WINDOWS_CHROME, 'Chrome', 'Windows', 'desktop'],
    [`${WINDOWS_CHROME} Edg/126.0.0.0`, 'Microsoft Edge', 'Windows', 'desktop'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0', 'Firefox', 'Linux', 'desktop'],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
      'Safari',
      'macOS',
      'desktop',
    ],
    [
      'Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
      'Safari',
      'iOS',
      'tablet',
    ],
    [
      'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36',
      'Chrome',
      'Android',
      'mobile',
    ],
    ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Googlebot', null, 'bot'],
    ['curl/8.1.2', 'curl', null, 'other'],
    ['okhttp/4.12.0', 'okhttp', null, 'other'],
    ['python-requests/2.31.0', 'python-requests', null, 'other'],
    ['Go-http-client/1.1', 'Go-http-client', null, 'other'],
    ['Dart/3.1 (dart:io)', 'Dart', null, 'other'],
    ['MyApp/1.0 CFNetwork/1492.0.1 Darwin/23.3.0', 'MyApp', null, 'other'],
    ['node', 'node', null, 'other'],
    ['examplebot/1.0', 'examplebot', null, 'bot'],
    ['', null, null, 'other'],
    ['   ', null, null, 'other'],
    ['Mozilla/5.0', null, null, 'other'],
    ['evil.example/1.0 visit', null, null, 'other'],
    ['<script>alert(1)</script>/1.0', null, null, 'other'],
  ];
  for (const [userAgent, browser, os, kind] of table)
    assert.deepEqual(parseDevice(userAgent), { browser, os, kind }, userAgent);
});

test('a new version is the same device; another browser, system or kind is not', () => {
  const device = parseDevice(WINDOWS_CHROME);
  assert.ok(sameDevice(device, parseDevice(WINDOWS_CHROME.replace('126.0.0.0', '127.0.0.0'))));
  assert.ok(sameDevice(parseDevice('curl/8.1'), parseDevice('curl/8.2')));
  assert.ok(!sameDevice(device, parseDevice(`${WINDOWS_CHROME} Edg/126.0.0.0`)));
  assert.ok(!sameDevice(device, parseDevice(`Mozilla/5.0 (X11; Linux x86_64) ${CHROME}`)));
  assert.ok(!sameDevice(device, { ...device, kind: 'tablet' }));
});

test('a browser keeps its make and system, whatever it calls them when it asks for desktop pages', () => {
  const webkit = (system: string, more: string) =>
    `Mozilla/5.0 (${system}) AppleWebKit/605.1.15 (KHTML, like Gecko) ${more}`;
  const [mac, ipad] = ['Macintosh; Intel Mac OS X 10_15_7', 'iPad; CPU OS 17_5 like Mac OS X'];
  const safari = 'Version/17.5 Safari/605.1.15';
  const android = `Mozilla/5.0 (Linux; Android 10; K) ${CHROME}`;
  const linux = `Mozilla/5.0 (X11; Linux x86_64) ${CHROME}`;
  const same: [string, string][] = [
    [webkit(mac, safari), webkit(ipad, 'Version/17.5 Mobile/15E148 Safari/604.1')],
    [webkit(mac, 'CriOS/126 Version/11.1.1 Safari/605.1.15'), webkit(ipad, 'CriOS/126.0 Mobile/15E148 Safari/604.1')],
    [webkit(mac, safari), webkit(ipad, 'FxiOS/127.0 Mobile/15E148 Safari/605.1.15')],
    [android, linux],
    [android.replace('Safari', 'Mobile Safari'), android],
  ];
  for (const [one, other] of same) {
    assert.ok(sameBrowser(parseDevice(one), parseDevice(other)), `${one} ${other}`);
    assert.ok(sameBrowser(parseDevice(other), parseDevice(one)), `${other} ${one}`);
  }
  const different: [string, string][] = [
    [WINDOWS_CHROME, linux],
    [WINDOWS_CHROME, `${WINDOWS_CHROME} Edg/126.0.0.0`],
    [webkit(mac, safari), `Mozilla/5.0 (${mac}) ${CHROME}`],
    [webkit(mac, safari), linux],
    ['curl/8.1', 'curl/8.1'],
    ['', ''],
  ];
  for (const [one, other] of different)
    assert.ok(!sameBrowser(parseDevice(one), parseDevice(other)), `${one} ${other}`);
  assert.ok(isBrowser(parseDevice(WINDOWS_CHROME)));
  for (const program of ['node', 'okhttp/4.12.0', 'MyApp/1.0 CFNetwork/1492.0.1 Darwin/23.3.0', '', 'Mozilla/5.0'])
    assert.ok(!isBrowser(parseDevice(program)), program);
});

test('a device has a phrase for people', () => {
  assert.equal(describeDevice(parseDevice(WINDOWS_CHROME)), 'Chrome on Windows');
  assert.equal(describeDevice(parseDevice('curl/8.1')), 'curl');
  assert.equal(describeDevice(parseDevice('')), 'an unknown device');
});

test('hostile headers yield short plain names, whatever their size', () => {
  const token = fc.constantFrom(
    'Mozilla/5.0',
    'Opera/9',
    '(',
    ')',
    ';',
    ' ',
    '/',
    'Version/1',
    'Safari',
    '<b>',
    'http://x.y',
    '\r\n',
    'Chrome/1',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(token, { maxLength: 60 }).map((parts) => parts.join('')),
        fc.string({ unit: 'binary' }),
      ),
      (userAgent) => {
        const { browser, os } = parseDevice(userAgent);
        for (const name of [browser, os]) assert.match(name ?? '', /^[\w .+!-]{0,40}$/, JSON.stringify(userAgent));
      },
    ),
    { seed: 20261120, numRuns: 2000 },
  );
  assert.deepEqual(parseDevice('a/'.repeat(1_000_000)), { browser: 'a', os: null, kind: 'other' });
});
