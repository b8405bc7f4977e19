import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEEPEST, isTooDeep, namesMemberTwice } from './json-members.ts';

const judge = (text: string) => namesMemberTwice(text, JSON.parse(text));

test('two members of one name, at any depth and however they are written', () => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"b":2,"a":{}}',
    '[{"x":[{"a":1,"a":null}]}]',
    '{"a":{"b":1},"a":{"b":1}}',
    '{"a":1,"\\u0061":2}',
    '{"":1,"":2}',
    '{"1":1,"1":2}',
    ' { "a" : 1 , "a" : 2 } ',
    '{"a:\\"":1,"a:\\"":2}',
    '{"a\\\\":1,"a\\\\":2}',
    '{"toString":1,"toString":2}',
  ]) {
    assert.equal(judge(text), true, text);
  }
});

test('no two members of one name', () => {
  for (const text of [
    '{}',
    '[]',
    'null',
    '"a:b"',
    '":"',
    '7',
    '{"a":1,"A":1}',
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '{"a":":\\":","b":"\\\\"}',
    '{"a\\\\":1,"a":"\\\\\\":"}',
    '{"constructor":1,"hasOwnProperty":2}',
  ]) {
    assert.equal(judge(text), false, text);
  }
});

test('whatever is written by JSON.stringify has none; a member written once more is found', () => {
  fc.assert(
    fc.property(fc.json(), (text) => !judge(text)),
    { seed: 7, numRuns: 500 },
  );
  const member = fc.tuple(fc.string(), fc.jsonValue(), fc.jsonValue()).filter(([name]) => name !== '__proto__');
  fc.assert(
    fc.property(member, fc.jsonValue(), ([name, first, second], between) => {
      const written = (value: unknown) => `${JSON.stringify(name)}:${JSON.stringify(value)}`;
      return judge(`{${written(first)},"\uffff other":${JSON.stringify(between)},${written(second)}}`);
    }),
    { seed: 7, numRuns: 500 },
  );
});

test('neither nesting nor a megabyte of quotes and backslashes is too much', () => {
  const depth = 100_000;
  assert.equal(judge(`${'['.repeat(depth)}${']'.repeat(depth)}`), false);
  const awkward = '\\\\\\"'.repeat(250_000);
  assert.equal(judge(`{"a":"${awkward}:","b":"${'\\\\'.repeat(500_000)}"}`), false);
  assert.equal(judge(`{"a":"${awkward}","a":""}`), true);
});

test('nesting is bounded, before anything reads the text as JSON', () => {
  const lists = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  for (const nested of [lists, objects]) {
    assert.equal(isTooDeep(nested(DEEPEST)), false);
    assert.equal(isTooDeep(nested(DEEPEST + 1)), true);
  }
  assert.equal(isTooDeep(`[${`${lists(DEEPEST - 1)},`.repeat(1000)}1]`), false, 'width is no depth');
  const inText = JSON.stringify({ a: `"${'['.repeat(1000)}\\`, b: '{'.repeat(1000) });
  assert.equal(isTooDeep(inText), false, 'brackets in a text are none');
});

test('text that is no JSON is looked at once, and never without end', () => {
  const broken = [
    '[',
    '[[',
    '"',
    '"\\',
    '"\\"',
    `"${'\\'.repeat(99_999)}`,
    '"'.repeat(99_999),
    ']'.repeat(99_999),
    '',
    '\\"[',
    '{"a',
  ];
  for (const text of broken) assert.equal(isTooDeep(text), false);
  assert.equal(isTooDeep('['.repeat(240_000)), true);
  assert.equal(isTooDeep('{"":['.repeat(48_000)), true);
  assert.equal(isTooDeep('[]{}'.repeat(1000)), false);
});
