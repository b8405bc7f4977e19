import type { ColumnDefinitionBuilder, Expression, Kysely } from 'kysely';

/** What MySQL says, where a crash has left half of a migration behind: its statements cannot be taken back. */
const COLUMN_EXISTS = 1060;
const NOTHING_TO_DROP = 1091;

/**
 * Adds columns, one statement each, as SQLite wants it; those that are there already are left alone. `build` says what holds for all of
 * them; they may be null otherwise.
 */
export async function addColumns(
  db: Kysely<unknown>,
  table: string,
  columns: Record<string, Expression<unknown>>,
  build: (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder = (column) => column,
): Promise<void> {
  for (const [name, type] of Object.entries(columns)) {
    await ignoring(COLUMN_EXISTS, db.schema.alterTable(table).addColumn(name, type as Expression<never>, build));
  }
}

/** Drops columns; those that are gone already are left alone. */
export async function dropColumns(db: Kysely<unknown>, table: string, names: readonly string[]): Promise<void> {
  for (const name of names) await ignoring(NOTHING_TO_DROP, db.schema.alterTable(table).dropColumn(name));
}

async function ignoring(errno: number, statement: { execute(): Promise<unknown> }): Promise<void> {
  try {
    await statement.execute();
  } catch (error) {
    if ((error as { errno?: number }).errno !== errno) throw error;
  }
}
