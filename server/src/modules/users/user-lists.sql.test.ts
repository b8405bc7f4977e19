import { after, before, describe, it } from 'node:test';
import { type FreshDatabase, PATIENCE, testDatabases } from '../../../test/databases.ts';
import { makeEvent } from '../../../test/fixtures.ts';
import {
  assertCounts,
  assertFilter,
  assertPages,
  assertSkipping,
  filtersFor,
  makeCrowd,
  ORDERS,
} from '../../../test/user-lists.ts';
import { userTarget } from '../../../test/user-verbs.ts';
import { connectDatabase, type Database, sqlOf } from '../../platform/database/database.ts';
import { createMigrator, discoverMigrations } from '../../platform/database/migrations.ts';
import { createSqlOutbox } from '../events/outbox.sql.ts';
import { createSqlUserLists } from './user-lists.sql.ts';
import type { UserTables } from './user-rows.sql.ts';
import { createSqlUserStore } from './user-store.sql.ts';

/** Limits that are so small that a few users take every way to read a list, and every change from one to another. */
const WAYS = {
  'along the order': { few: 0, fewPerSkipped: 0, firstWindow: 1, largestWindow: 5, patience: 9, many: 0 },
  'along the order, then by a search': {
    few: 0,
    fewPerSkipped: 0,
    firstWindow: 3,
    largestWindow: 6,
    patience: 1,
    many: 99,
  },
  'by a search where many are skipped': {
    few: 1,
    fewPerSkipped: 1,
    firstWindow: 4,
    largestWindow: 4,
    patience: 9,
    many: 9,
  },
} as const;

const migrations = await discoverMigrations(new URL('../', import.meta.url));

for (const { name, freshUrl } of testDatabases().filter((database) => database.name !== 'mongodb')) {
  describe(`lists of users on ${name}, each way of reading them`, () => {
    const crowd = makeCrowd();
    const searches = filtersFor(crowd).filter(({ terms, roleId }) => terms !== undefined || roleId !== undefined);
    let fresh: FreshDatabase;
    let database: Database;

    before(async () => {
      fresh = await freshUrl();
      database = await connectDatabase({
        url: fresh.url,
        poolSize: 2,
        slowQuery: 60_000,
        log: { warn() {} },
        patience: PATIENCE,
      });
      await createMigrator(database, migrations).up();
      const store = createSqlUserStore({ database, outbox: createSqlOutbox({ onCommit() {} }) });
      for (const person of crowd) await store.insert(person, makeEvent(userTarget(person)));
    });
    after(async () => {
      await database?.close();
      await fresh?.drop();
    });

    for (const [way, limits] of Object.entries(WAYS)) {
      it(`${way}: shows the same`, async () => {
        const lists = createSqlUserLists(sqlOf<UserTables>(database), limits);
        for (const filter of searches) await assertCounts(lists, crowd, filter);
        for (const order of ORDERS) {
          for (const filter of searches) await assertFilter(lists, crowd, { filter, order });
          for (const filter of [{ terms: ['ann', 'b'] }, { roleId: 'editor', verified: true }]) {
            await assertPages(lists, crowd, { filter, order, size: 3 });
            await assertSkipping(lists, crowd, { filter, order, size: 2 });
          }
        }
      });
    }
  });
}
