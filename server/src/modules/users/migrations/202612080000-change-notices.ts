import { type Kysely, sql as raw } from 'kysely';
import type { Columns } from '../../../platform/database/columns.ts';
import { CHANGED_USERS } from '../names.ts';

const NAME = raw.id('ostiary_user_changed');

/**
 * PostgreSQL names each user that anybody writes, whatever program it is, so that instances forget what they remember of that user. SQLite
 * tells of changes by itself; nobody remembers users on the others.
 */
export const sql = {
  async up(db: Kysely<unknown>, { dialect }: Columns): Promise<void> {
    if (dialect !== 'postgres') return;
    await raw`
      create or replace function ${NAME}() returns trigger language plpgsql as $$
      begin
        perform pg_notify(${raw.lit(CHANGED_USERS)}, coalesce(new.id, old.id)::text);
        return null;
      end $$`.execute(db);
    await raw`drop trigger if exists ${NAME} on users`.execute(db);
    await raw`create trigger ${NAME} after update or delete on users for each row execute function ${NAME}()`.execute(
      db,
    );
  },

  async down(db: Kysely<unknown>, { dialect }: Columns): Promise<void> {
    if (dialect !== 'postgres') return;
    await raw`drop trigger if exists ${NAME} on users`.execute(db);
    await raw`drop function if exists ${NAME}()`.execute(db);
  },
};

export const mongo = {
  async up(): Promise<void> {},
  async down(): Promise<void> {},
};
