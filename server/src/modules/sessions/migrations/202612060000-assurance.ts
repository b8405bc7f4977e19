import type { Kysely } from 'kysely';
import { addColumns, dropColumns } from '../../../platform/database/change-columns.ts';
import type { Columns } from '../../../platform/database/columns.ts';

const TABLE = 'sessions';

/** All may be missing: the previous version, which may still be running, writes none of them. */
const added = (columns: Columns) => ({
  methods: columns.json(),
  aal: columns.int(),
  organization_id: columns.id(),
  parent_id: columns.id(),
  grant_id: columns.id(),
  jkt: columns.text(64),
  provider_id: columns.id(),
});

/** Assurance of a session, and what it belongs to. Documents of MongoDB need no change. */
export const sql = {
  up: (db: Kysely<unknown>, columns: Columns) => addColumns(db, TABLE, added(columns)),
  down: (db: Kysely<unknown>, columns: Columns) => dropColumns(db, TABLE, Object.keys(added(columns))),
};

export const mongo = {
  async up(): Promise<void> {},
  async down(): Promise<void> {},
};
