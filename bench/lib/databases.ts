import { join } from 'node:path';
import type { Context } from './context.ts';

export interface BenchDatabase {
  product: 'SQLite' | 'PostgreSQL';
  url: string;
}

/** A new SQLite file. */
export function newSqlite(context: Context): BenchDatabase {
  return { product: 'SQLite', url: `sqlite:${join(context.folder('sqlite'), 'ostiary.sqlite')}` };
}

/** A new database of each product that there is. */
export async function newDatabases(context: Context): Promise<BenchDatabase[]> {
  const postgres = await context.postgres();
  const sqlite = newSqlite(context);
  return postgres === null ? [sqlite] : [sqlite, { product: 'PostgreSQL', url: postgres }];
}
