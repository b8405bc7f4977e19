import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TSchema, Type } from 'typebox';
import { createValidatorCompiler } from './validation.ts';
import { describeFaults } from './validation-faults.ts';

const compile = createValidatorCompiler();
const closed = { additionalProperties: false };

/** `path: message` of each fault of a body. */
function told(schema: TSchema, body: unknown): string[] {
  const validate = compile({ schema, method: 'POST', url: '/', httpPart: 'body' });
  assert.equal(validate(body), false);
  return describeFaults(validate.errors as never).map(({ path, message }) => `${path}: ${message}`);
}

test('every fault is a sentence, and none shows a regular expression or a word of the validator', () => {
  const cases: [TSchema, unknown, string][] = [
    [Type.String(), 1, 'This must be text.'],
    [Type.Integer(), 1.5, 'This must be a whole number.'],
    [Type.Number(), '1', 'This must be a number.'],
    [Type.Boolean(), 'true', 'This must be true or false.'],
    [Type.Array(Type.String()), {}, 'This must be a list.'],
    [Type.Object({}, closed), 1, 'This must be an object.'],
    [Type.Unsafe<string | null>({ type: ['string', 'null'] }), 1, 'This must be text or null.'],
    [Type.Union([Type.String(), Type.Null()]), 1, 'This must be text or null.'],
    [Type.Union([Type.Literal('a'), Type.Literal('b')]), 'c', 'This must be one of: a, b.'],
    [Type.Enum(['a', 'b']), 'c', 'This must be one of: a, b.'],
    [Type.Literal('a'), 'c', 'This must be a.'],
    [Type.String({ minLength: 1 }), '', 'This must not be empty.'],
    [Type.String({ minLength: 3 }), 'ab', 'This must have at least 3 characters.'],
    [Type.String({ maxLength: 1 }), 'ab', 'This must have at most 1 character.'],
    [Type.Array(Type.String(), { minItems: 1 }), [], 'This list must have at least 1 item.'],
    [Type.Array(Type.String(), { maxItems: 2 }), ['a', 'b', 'c'], 'This list must have at most 2 items.'],
    [Type.Array(Type.String(), { uniqueItems: true }), ['a', 'a'], 'No item may be in this list twice.'],
    [Type.Integer({ minimum: 1 }), 0, 'This must be 1 or more.'],
    [Type.Integer({ maximum: 9 }), 10, 'This must be 9 or less.'],
    [Type.Number({ exclusiveMinimum: 1 }), 1, 'This must be more than 1.'],
    [Type.Number({ exclusiveMaximum: 1 }), 1, 'This must be less than 1.'],
    [Type.Integer({ multipleOf: 5 }), 4, 'This must be a multiple of 5.'],
    [Type.String({ format: 'email' }), 'x', 'This must be an e-mail address.'],
    [Type.String({ format: 'date-time' }), 'x', 'This must be a time such as 2026-11-20T12:00:00Z.'],
    [Type.String({ format: 'ipv4' }), 'x', 'This does not have the right form.'],
    [Type.String({ pattern: '^[0-9]{6}$' }), 'x', 'This does not have the right form.'],
    [Type.String({ pattern: '^[0-9]{6}$', examples: ['123456'] }), 'x', 'This must have a form such as 123456.'],
    [Type.String({ pattern: '^[0-9]{6}$', errorMessage: 'A code has six digits.' }), 'x', 'A code has six digits.'],
    [Type.String({ maxLength: 1, errorMessage: 'One letter, please.' }), 'xy', 'One letter, please.'],
  ];
  for (const [schema, value, message] of cases) {
    assert.deepEqual(told(Type.Object({ field: schema }, closed), { field: value }), [`/field: ${message}`]);
  }
  const own = Type.Object({ a: Type.String() }, { ...closed, errorMessage: 'This must be a pair.' });
  assert.deepEqual(told(Type.Object({ own }, closed), { own: 1 }), ['/own: This must be a pair.']);
  assert.deepEqual(told(Type.Object({ own }, closed), { own: {} }), ['/own/a: This field is required.']);
});

test('of alternatives that nothing tells apart, that none of them fits', () => {
  const either = Type.Union([
    Type.Object({ first: Type.Integer() }, closed),
    Type.Object({ second: Type.Integer() }, closed),
    Type.Object({ third: Type.Integer() }, closed),
  ]);
  for (const body of [{ unknown: 1 }, {}, { first: 1, second: 2 }, { first: 'x' }]) {
    assert.deepEqual(told(either, body), [': This does not have the right form.'], JSON.stringify(body));
  }
  assert.deepEqual(told(either, []), [': This must be an object.']);
});

test('of alternatives only the faults of the one that was sent are told', () => {
  const timing = Type.Union([
    Type.Object({ kind: Type.Literal('interval'), seconds: Type.Integer() }, closed),
    Type.Object({ kind: Type.Literal('cron'), expression: Type.String(), zone: Type.String() }, closed),
  ]);
  const schema = Type.Object({ timing, more: Type.Optional(Type.Array(timing)) }, closed);
  const interval = { kind: 'interval', seconds: 1 };
  assert.deepEqual(told(schema, { timing: { kind: 'cron', expression: 1 } }), [
    '/timing/zone: This field is required.',
    '/timing/expression: This must be text.',
  ]);
  assert.deepEqual(told(schema, { timing: { kind: 'solar' } }), ['/timing/kind: This must be one of: interval, cron.']);
  assert.deepEqual(told(schema, { timing: { seconds: 1 } }), ['/timing/kind: This field is required.']);
  assert.deepEqual(told(schema, { timing: 'daily' }), ['/timing: This must be an object.']);
  const inList = told(schema, {
    timing: { kind: 'x' },
    more: [interval, { kind: 'cron', expression: '' }, { kind: 'y' }],
  });
  assert.deepEqual(inList.toSorted(), [
    '/more/1/zone: This field is required.',
    '/more/2/kind: This must be one of: interval, cron.',
    '/timing/kind: This must be one of: interval, cron.',
  ]);
});

test('no more than twenty faults are told', () => {
  const schema = Type.Object({ list: Type.Array(Type.String()) }, closed);
  assert.equal(told(schema, { list: Array.from({ length: 1000 }, (_, i) => i) }).length, 20);
});

test('of alternatives within alternatives, and in lists, the faults of those that were sent are told', () => {
  const shape = Type.Union([
    Type.Object({ kind: Type.Literal('circle'), radius: Type.Integer({ minimum: 1 }) }, closed),
    Type.Object({ kind: Type.Literal('box'), width: Type.Integer(), height: Type.Integer({ minimum: 1 }) }, closed),
  ]);
  const fields = { name: Type.String(), maybe: Type.Union([shape, Type.Null()]), shapes: Type.Array(shape) };
  const schema = Type.Partial(Type.Object(fields, closed), closed);
  const cases: [object, string[]][] = [
    [{ maybe: { kind: 'circle', radius: 0 } }, ['/maybe/radius: This must be 1 or more.']],
    [{ maybe: { kind: 'ball' } }, ['/maybe/kind: This must be one of: circle, box.']],
    [{ maybe: {} }, ['/maybe/kind: This field is required.']],
    [{ maybe: 'x' }, ['/maybe: This must be an object or null.']],
    [
      {
        name: 5,
        shapes: [
          { kind: 'box', width: 1, height: 0 },
          { kind: 'circle', radius: 1 },
          { kind: 'circle', radius: 0 },
        ],
      },
      [
        '/name: This must be text.',
        '/shapes/0/height: This must be 1 or more.',
        '/shapes/2/radius: This must be 1 or more.',
      ],
    ],
  ];
  for (const [body, faults] of cases) assert.deepEqual(told(schema, body), faults, JSON.stringify(body));
});
