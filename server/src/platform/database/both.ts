/** A store, as it is made over each kind of database. */
export interface Adapters<Store, SqlDeps, MongoDeps> {
  sql(deps: SqlDeps): Store;
  mongo(deps: MongoDeps): Store;
  /** The folder of the migrations that make what it needs, if it can live on a database without other stores; null: it cannot. */
  standalone: URL | null;
}

/**
 * The two adapters of one store: `export const users = both(createSqlUserStore, createMongoUserStore);`
 *
 * `standalone: new URL('./migrations/', import.meta.url)` says that it reads and writes no tables of other stores, so that it can live on
 * another database (`STORES_<NAME>_URL`), where those migrations are applied.
 */
export function both<Store, SqlDeps, MongoDeps>(
  sql: (deps: SqlDeps) => Store,
  mongo: (deps: MongoDeps) => Store,
  { standalone = null }: { standalone?: URL | null } = {},
): Adapters<Store, SqlDeps, MongoDeps> {
  return { sql, mongo, standalone };
}
