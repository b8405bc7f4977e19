import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testDatabases } from '../../../../test/databases.ts';
import { makeId, makeKey, NOW } from '../../../../test/fixtures.ts';
import { columnsOf } from '../../../platform/database/columns.ts';
import { connectDatabase, type Database, mongoOf, sqlOf } from '../../../platform/database/database.ts';
import { createMigrator, discoverMigrations } from '../../../platform/database/migrations.ts';
import { createMongoOutbox } from '../../events/outbox.mongo.ts';
import { createSqlOutbox } from '../../events/outbox.sql.ts';
import { createMongoKeyStore } from '../key-store.mongo.ts';
import { createSqlKeyStore } from '../key-store.sql.ts';
import type { KeyStore } from '../key-store.ts';
import * as migration from './202611280020-key-places.ts';

const NAME = '202611280020-key-places';
const all = await discoverMigrations(new URL('../../', import.meta.url));
const earlier = Object.fromEntries(Object.entries(all).filter(([name]) => name < NAME));

/** Made one after the other, of two algorithms, both active: the algorithm was changed once. */
const keys = (['EdDSA', 'ES256'] as const).map((algorithm, i) =>
  makeKey({ id: makeId(), algorithm, place: i + 1, activatedAt: NOW }),
);

/** As the version before wrote them. */
async function insertFormer(database: Database): Promise<void> {
  for (const { id, use: _, place: __, ...key } of keys) {
    if (database.kind === 'mongo') {
      const document = { _id: id, ...key, status: 'active', activeSlot: key.algorithm, retiredAt: null, outbox: [] };
      await database.db.collection<{ _id: string }>('signing_keys').insertOne(document);
      continue;
    }
    const row = {
      id,
      algorithm: key.algorithm,
      status: 'active',
      active_slot: key.algorithm,
      retired_at: null,
      version: 1,
      public_jwk: JSON.stringify(key.publicJwk),
      sealed_private_key: key.sealedPrivateKey,
      created_at: NOW,
      activated_at: NOW,
    };
    await sqlOf<{ signing_keys: typeof row }>(database).db.insertInto('signing_keys').values(row).execute();
  }
}

function storeOf(database: Database): KeyStore {
  const onCommit = () => {};
  return database.kind === 'sql'
    ? createSqlKeyStore({ database, outbox: createSqlOutbox({ onCommit }) })
    : createMongoKeyStore({ database, outbox: createMongoOutbox({ database, onCommit }) });
}

/** What the former version would read, by id. */
async function formerStates(database: Database): Promise<[string, string, string | null][]> {
  if (database.kind === 'mongo') {
    const found = database.db.collection<{ _id: string; status: string; activeSlot: string | null }>('signing_keys');
    const documents = await found.find().sort({ _id: 1 }).toArray();
    return documents.map(({ _id, status, activeSlot }) => [_id, status, activeSlot]);
  }
  type Tables = { signing_keys: { id: string; status: string; active_slot: string | null } };
  const { db } = sqlOf<Tables>(database);
  const rows = await db.selectFrom('signing_keys').selectAll().orderBy('id').execute();
  return rows.map(({ id, status, active_slot }) => [id, status, active_slot]);
}

const up = (database: Database) =>
  database.kind === 'sql'
    ? migration.sql.up(sqlOf(database).db, columnsOf(database))
    : migration.mongo.up(mongoOf(database).db);
const down = (database: Database) =>
  database.kind === 'sql'
    ? migration.sql.down(sqlOf(database).db, columnsOf(database))
    : migration.mongo.down(mongoOf(database).db);

describe('the places of keys', () => {
  for (const { name, emptyUrl } of testDatabases()) {
    it(`keeps every key, there and back, also when a crash repeats it (${name})`, async () => {
      const { url, drop } = await emptyUrl();
      const log = { warn: () => {} };
      const database = await connectDatabase({ url, poolSize: 4, slowQuery: Number.POSITIVE_INFINITY, log });
      try {
        await createMigrator(database, earlier).up();
        await insertFormer(database);
        for (let times = 0; times < 2; times++) await up(database);
        assert.deepEqual(await storeOf(database).list(), keys);
        for (let times = 0; times < 2; times++) await down(database);
        const expected = keys.map(({ id, algorithm }) => [id, 'active', algorithm]);
        assert.deepEqual(await formerStates(database), expected);
        await up(database);
        assert.deepEqual(await storeOf(database).list(), keys);
      } finally {
        await database.close();
        await drop();
      }
    });
  }
});
