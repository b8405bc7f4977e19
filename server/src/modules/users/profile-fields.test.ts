import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorsWith } from '../../../test/compile.ts';

/** Every list of the fields that users say about themselves. */
const LISTS = [
  'admin/schemas.ts',
  'users/erasure.ts',
  'users/names.ts',
  'users/newcomer.ts',
  'users/schemas.ts',
  'users/user-changes.ts',
  'users/user-lists.mongo.ts',
  'users/user-rows.sql.ts',
];

test('a field that users say about themselves does not compile until every list has it', async () => {
  const lists = LISTS.map((file) => `modules/${file}`);
  const field = { ProfileFields: 'shoeSize: number | null' };
  const errors = await errorsWith('modules/users/user-store.ts', field, lists);
  const files = new Map(errors.map((error) => [error.slice(0, error.indexOf(':')), error]));
  for (const list of new Set(LISTS.map((file) => file.slice(file.indexOf('/') + 1)))) {
    assert.match(files.get(list) ?? 'no error', /shoeSize/, list);
  }
  // What users send and are shown, and what administrators send to create and to change.
  const schemas = errors.filter((error) => error.startsWith('schemas.ts:') && error.includes('shoeSize'));
  assert.equal(schemas.length, 4, errors.join('\n'));
});

test('a field that documents of earlier versions lack does not compile until it has a value for them', async () => {
  for (const [module, record, adapter] of [
    ['sessions/session-store.ts', 'SessionRecord', 'sessions/session-store.mongo.ts'],
    ['access/role-store.ts', 'RoleRecord', 'access/role-store.mongo.ts'],
    ['auth/registration-store.ts', 'RegistrationRecord', 'auth/registration-store.mongo.ts'],
    ['auth/challenge-store.ts', 'ChallengeRecord', 'auth/challenge-store.mongo.ts'],
  ] as const) {
    const errors = await errorsWith(`modules/${module}`, { [record]: 'later: number | null' }, [`modules/${adapter}`]);
    const own = errors.filter((error) => adapter.endsWith(`/${error.slice(0, error.indexOf(':'))}`));
    assert.ok(own.length > 0, `${record}: ${errors.join('\n')}`);
  }
});
