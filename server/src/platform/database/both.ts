/** A store, as it is made over each kind of database. */
export interface Adapters<Store, SqlDeps, MongoDeps> {
  sql(deps: SqlDeps): Store;
  mongo(deps: MongoDeps): Store;
}

/** The two adapters of one store: `export const users = both(createSqlUserStore, createMongoUserStore);` */
export function both<Store, SqlDeps, MongoDeps>(
  sql: (deps: SqlDeps) => Store,
  mongo: (deps: MongoDeps) => Store,
): Adapters<Store, SqlDeps, MongoDeps> {
  return { sql, mongo };
}
