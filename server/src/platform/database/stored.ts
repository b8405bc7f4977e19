/**
 * A record as documents hold it: `Always` names the fields that every document has; later fields are missing in those of earlier versions, which also
 * write during a rolling update. A new field of the record then does not compile where documents are read, until it has a value for those.
 */
export type Stored<Fields, Always extends keyof Fields> = Pick<Fields, Always> & Partial<Omit<Fields, Always>>;
