import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { nullable } from './schemas.ts';
import { createValidatorCompiler } from './validation.ts';
import { describeFaults } from './validation-faults.ts';

const closed = { additionalProperties: false } as const;
const shape = Type.Union([
  Type.Object({ kind: Type.Literal('circle'), radius: Type.Integer({ minimum: 1 }) }, closed),
  Type.Object({ kind: Type.Literal('box'), width: Type.Integer(), height: Type.Integer({ minimum: 1 }) }, closed),
]);
const schema = Type.Object(
  {
    name: Type.Optional(Type.String()),
    shape: Type.Optional(shape),
    shapes: Type.Optional(Type.Array(shape)),
    maybe: Type.Optional(nullable(shape)),
    use: Type.Optional(Type.Union([Type.Literal('sig'), Type.Literal('enc')])),
    mixed: Type.Optional(Type.Union([Type.Integer({ maximum: 9 }), Type.String({ maxLength: 2 })])),
  },
  closed,
);
const check = createValidatorCompiler()({ schema, method: 'POST', url: '/', httpPart: 'body' }) as {
  (data: unknown): boolean;
  errors: Parameters<typeof describeFaults>[0] | null;
};

/** Each fault as `path message`. */
function faultsOf(data: unknown): string[] {
  assert.equal(check(data), false);
  return describeFaults(check.errors ?? []).map(({ path, message }) => `${path} ${message}`);
}

test('a union tells the faults of the kind that was sent, and of no other', () => {
  const table: [data: object, faults: string[]][] = [
    [{ shape: { kind: 'circle', radius: 0 } }, ['/shape/radius must be >= 1']],
    [{ shape: { kind: 'box', width: 1 } }, ['/shape/height is required']],
    [
      { shape: { kind: 'circle', width: 1 } },
      ['/shape/radius is required', '/shape has a field that is not one of: kind, radius'],
    ],
    [{ shape: { kind: 'ball', radius: 0 } }, ['/shape/kind must be one of: circle, box']],
    [{ shape: { radius: 1 } }, ['/shape/kind is required']],
    [{ shape: 5 }, ['/shape must be object']],
    [{ maybe: { kind: 'circle', radius: 0 } }, ['/maybe/radius must be >= 1']],
    [{ maybe: 'x' }, ['/maybe must be object or null']],
    [{ use: 'both' }, ['/use must be one of: sig, enc']],
    [{ mixed: 10 }, ['/mixed must be <= 9']],
    [{ mixed: 'long' }, ['/mixed must NOT have more than 2 characters']],
    [{ mixed: [] }, ['/mixed must be integer or string']],
    [
      {
        name: 5,
        shapes: [
          { kind: 'box', width: 1, height: 0 },
          { kind: 'circle', radius: 1 },
          { kind: 'circle', radius: 0 },
        ],
      },
      ['/name must be string', '/shapes/0/height must be >= 1', '/shapes/2/radius must be >= 1'],
    ],
  ];
  for (const [data, faults] of table) assert.deepEqual(faultsOf(data), faults, JSON.stringify(data));
});
