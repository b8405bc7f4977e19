import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';
import { madeWithPython, published } from '../../server/src/platform/crypto/hash-formats/vectors.ts';
import type { Context, Measure } from '../lib/context.ts';
import { type BenchDatabase, newDatabases } from '../lib/databases.ts';
import { type Figure, number } from '../lib/figure.ts';
import { createHttpClient } from '../lib/http.ts';
import { importedEmail, runImportCommand, writePeople } from '../lib/import-runs.ts';
import { ostiaryEnv, startOstiary } from '../lib/ostiary.ts';

const PEOPLE = 1_000_000;
const QUICK_PEOPLE = 50_000;
const KILLS = 5;
/** People a second. */
const AIMS = { PostgreSQL: 5000, SQLite: 3000 } as const;

/** One of each format and cost that a sign-in verifies within a second. */
const VECTORS = [...madeWithPython, ...published].filter(
  ({ password, stored }) => password !== '' && stored.length < 400 && !/"/.test(stored),
);

export const imports: Measure = {
  name: 'imports',
  summary: `ostiary import of ${number(PEOPLE)} people (--quick: ${number(QUICK_PEOPLE)}), killed ${KILLS} times; 10 minutes or more`,
  apart: true,
  async *run(context) {
    const count = context.plan.quick ? QUICK_PEOPLE : PEOPLE;
    const file = join(context.folder('people'), 'people.csv');
    await writePeople(file, count, VECTORS);
    for (const database of await newDatabases(context)) yield* measureOn(context, { database, file, count });
  },
};

async function* measureOn(
  context: Context,
  { database, file, count }: { database: BenchDatabase; file: string; count: number },
): AsyncGenerator<Figure> {
  const { product } = database;
  const cwd = context.folder('import');
  const env = ostiaryEnv(cwd, { database });
  const users = await openCounter(database);
  const parts: Awaited<ReturnType<typeof runImportCommand>>[] = [];
  for (let kills = 0; ; kills++) {
    // In the middle of what is left each time, wherever in a batch that is.
    const before = await users.reported();
    const due = kills < KILLS ? before + (count - before) / (KILLS + 1 - kills) : Number.POSITIVE_INFINITY;
    const isDue = async () => kills < KILLS && (await users.reported()) >= due;
    const run = await runImportCommand(file, { env, cwd, isDue });
    parts.push(run);
    if (!run.killed) break;
  }
  const last = parts.at(-1);
  const duration = parts.reduce((sum, part) => sum + part.duration, 0);
  const cpu = parts.reduce((sum, part) => sum + part.cpu, 0);
  const kills = parts.filter(({ killed }) => killed).length;
  const memory = parts.map((part) => number(part.memory)).join(', ');
  const made = await users.total();
  const counted = /^([\d,]+) accounts made$/m.exec(last?.stdout ?? '')?.[1];
  const refusedHashes = await signInWithEach(context, database);
  await users.close();
  yield {
    name: `import into ${product}, killed ${kills} times`,
    value: count / duration,
    unit: '/s',
    aim: { at: 'least', value: AIMS[product] },
    detail: `${number(count)} people in ${number(duration)} s, the ${parts.length} starts included; ${number(count / cpu)} for each second of the importer's processor time; resident memory of each process at most ${memory} MB`,
  };
  yield {
    name: `import into ${product}: lost or doubled`,
    value: Math.abs(count - made),
    unit: 'kinds',
    aim: { at: 'most', value: 0 },
    fails: made !== count || counted !== count.toLocaleString('en-US'),
    detail: `${number(made)} accounts, ${counted} reported; each external id and each address is unique in the database`,
  };
  yield {
    name: `import into ${product}: formats of hashes that do not sign in`,
    value: refusedHashes.length,
    unit: 'kinds',
    aim: { at: 'most', value: 0 },
    fails: refusedHashes.length > 0,
    detail: `of ${VECTORS.length}, one person each, twice: with the imported hash and with the upgraded one ${refusedHashes.join()}`,
  };
}

/** The names of the vectors whose people cannot sign in. */
async function signInWithEach(context: Context, database: BenchDatabase): Promise<string[]> {
  const ostiary = await startOstiary(context, { database, cores: context.places.everywhere });
  const send = createHttpClient(ostiary.url);
  const failed: string[] = [];
  for (const [i, { name, password }] of VECTORS.entries()) {
    for (const time of ['first', 'second']) {
      const body = { login: importedEmail(i), password, tokenTransport: 'body' };
      const answer = await send('POST', '/api/v1/auth/login', { body });
      if (answer.status !== 200) failed.push(`${name} (${time}: ${answer.status})`);
    }
  }
  await ostiary.stop();
  return failed;
}

interface Counter {
  /** People whom the importer says it has made. */
  reported(): Promise<number>;
  /** Accounts with an external id of their own. */
  total(): Promise<number>;
  close(): Promise<void>;
}

const REPORTED = "select state from imports where id = 'bench'";
const TOTAL = 'select count(distinct external_id) as total from users';

async function openCounter(database: BenchDatabase): Promise<Counter> {
  const { read, close } = database.product === 'PostgreSQL' ? await postgresReader(database) : sqliteReader(database);
  return {
    close,
    total: async () => Number((await read(TOTAL))?.total),
    async reported() {
      // The first run has to make the table.
      const row = await read(REPORTED).catch(() => undefined);
      return row === undefined ? 0 : JSON.parse(String(row.state)).counts.made;
    },
  };
}

type Row = Record<string, unknown> | undefined;

async function postgresReader({ url }: BenchDatabase) {
  const client = new Client({ connectionString: url });
  await client.connect();
  return {
    read: async (query: string): Promise<Row> => (await client.query(query)).rows[0],
    close: () => client.end(),
  };
}

function sqliteReader({ url }: BenchDatabase) {
  const path = url.slice('sqlite:'.length);
  async function read(query: string): Promise<Row> {
    const file = new DatabaseSync(path, { readOnly: true });
    try {
      return file.prepare(query).get() as Row;
    } finally {
      file.close();
    }
  }
  return { read, close: async () => {} };
}
