import assert from 'node:assert/strict';
import type { ImportedPerson, Source, SourceRow } from '../src/modules/imports/imported-person.ts';
import type { Scene } from './scenario.ts';

const NOBODY: ImportedPerson = {
  id: '',
  email: null,
  username: null,
  fullName: null,
  phone: null,
  locale: null,
  emailVerified: true,
  isDisabled: false,
  isDeleted: false,
  roles: [],
  isSuperadmin: false,
  createdAt: null,
  lastLoginAt: null,
  passwordHash: null,
};

/** A source over people in memory; `null` stands for a row that is none. */
export function sourceOf(people: readonly (Partial<ImportedPerson> | null)[], fingerprint = 'one'): Source {
  return {
    fingerprint,
    progress: () => null,
    async close() {},
    async *rows(after) {
      for (const [index, person] of people.entries()) {
        const [position, place] = [index + 1, `row ${index + 1}`];
        if (position <= Number(after ?? 0)) continue;
        const id = `id${position}`;
        const row: SourceRow = person
          ? { position, place, person: { ...NOBODY, id, email: `${id}@example.com`, ...person } }
          : { position, place, fault: 'not a person' };
        yield row;
      }
    },
  };
}

/** So many people, numbered. */
export const crowd = (count: number, from = 1) =>
  Array.from({ length: count }, (_, i) => ({ id: `c${i + from}`, email: `crowd${i + from}@example.com` }));

/** How the tests import, unless they say otherwise. */
export const plain = { name: 'shop', roles: {}, isTrial: false } as const;

/** The ids of roles, by their codes. */
export async function roleIds({ app }: Scene, ...codes: string[]): Promise<string[]> {
  const roles = await app.storage.roles.list();
  return codes.map((code) => roles.find((role) => role.code === code)?.id ?? assert.fail(code));
}
