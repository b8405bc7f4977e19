import type { BSON } from 'mongodb';
import { connectDatabase, mongoOf } from '../../../platform/database/database.ts';
import { ImportFailed } from '../imported-person.ts';
import type { Row } from './person-of.ts';

/** A collection of another system's MongoDB; only ever read. */
export interface Documents {
  total: number;
  /** Documents after a position in the order of `_id`, of whatever kinds it is. */
  rows(after: string | null): AsyncIterable<{ position: string; row: Row }>;
  close(): Promise<void>;
}

const BATCH = 1000;

/** Opens the first of these collections that is there. Throws `DatabaseUnreachable`, `ImportFailed`. */
export async function openDocuments(url: string, names: readonly string[]): Promise<Documents> {
  const log = { warn() {} };
  const database = await connectDatabase({ url, poolSize: 1, slowQuery: Number.POSITIVE_INFINITY, log });
  const { db } = mongoOf(database);
  const present = new Set((await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name));
  const name = names.find((one) => present.has(one));
  if (name === undefined) {
    await database.close();
    throw new ImportFailed(`The database has no collection ${names.join(' or ')}: name it in the mapping.`);
  }
  const collection = db.collection<Row>(name);
  const { BSON } = await import('mongodb');
  return {
    total: await collection.estimatedDocumentCount(),
    async *rows(after) {
      const from = after === null ? null : idOf(BSON, after);
      const found = collection.find({}, { batchSize: BATCH }).sort({ _id: 1 }).hint({ _id: 1 });
      // A bound of the index, unlike a condition, also leads on to ids of other kinds.
      const cursor = after === null ? found : found.min({ _id: from });
      for await (const row of cursor) {
        const position = BSON.EJSON.stringify({ _id: row._id }, { relaxed: false });
        if (position !== after) yield { position, row };
      }
    },
    close: () => database.close(),
  };
}

function idOf({ EJSON }: typeof BSON, position: string): unknown {
  return (EJSON.parse(position, { relaxed: false }) as { _id: unknown })._id;
}
