import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorsWith as errorsIn } from '../../../test/compile.ts';
import { ERASED } from './erasure.ts';

const FILES = ['erasure.ts', 'user-store.sql.ts', 'user-store.mongo.ts'].map((file) => `modules/users/${file}`);
/** The compiler's errors in both adapters and what they share, if users had one more field. */
const errorsWith = (field: string) => errorsIn('modules/users/user-store.ts', { UserRecord: field }, FILES);

describe('what an erasure clears', () => {
  it('is empty, whatever it was', () => {
    const { status, ...rest } = ERASED;
    assert.equal(status, 'erased');
    for (const [field, value] of Object.entries(rest)) {
      const isEmpty =
        value === null || value === false || (typeof value === 'object' && Object.keys(value).length === 0);
      assert.ok(isEmpty, `${field} is ${JSON.stringify(value)}`);
    }
  });

  for (const field of ['shoeSize: number | null', 'shoeSize?: number']) {
    it(`does not compile while nobody has decided about a field of users (${field})`, async () => {
      const errors = await errorsWith(field);
      const [first = ''] = errors;
      assert.match(first, /^erasure\.ts: Property 'shoeSize' is missing in type/);
      // The record that is read from a row or document may lack an optional field.
      const files = new Set(errors.map((error) => error.slice(0, error.indexOf(':'))));
      assert.deepEqual(
        [...files].sort(),
        field.includes('?') ? ['erasure.ts'] : ['erasure.ts', 'user-lists.mongo.ts', 'user-rows.sql.ts'],
      );
    });
  }

  it('compiles as it is', async () => {
    assert.deepEqual(await errorsWith('id: string'), []);
  });
});
