import pg from 'pg';

/** Runs one statement on the connection of a client; an array where `text` holds several. */
export type Query = (text: string, parameters: readonly unknown[]) => Promise<pg.QueryResult | pg.QueryResult[]>;

const BEGIN = /^(?:begin|start transaction)\b/i;
const END = /^(?:commit|rollback)$/i;

/** Whether a pooler or proxy is between: it hands out a cancellation key of its own, which names another process than the one that answers. */
export async function hasPooler(config: pg.ClientConfig): Promise<boolean> {
  const client = new pg.Client(config);
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const { processID } = client as pg.Client & { processID: number | null };
    return rows[0]?.pid !== processID;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Statements for a connection whose server session changes after each transaction (PgBouncer's `pool_mode = transaction`). Nothing may rest in the
 * session: every statement is in a transaction, which `settings` begin and end with.
 */
export function perTransaction(settings: Settings, query: Query): Query {
  const preamble = settings.map(([name, value]) => `select set_config(${literal(name)}, ${literal(value)}, true)`);
  let isOpen = false;

  async function begin(text: string): Promise<pg.QueryResult> {
    const result = await orRollback(query([text, ...preamble].join('; '), []));
    return Array.isArray(result) ? (result[0] as pg.QueryResult) : result;
  }

  /** A connection never goes back to the pool with an open transaction. */
  async function orRollback<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      await query('rollback', []).catch(() => undefined);
      throw error;
    }
  }

  return async (text, parameters) => {
    if (BEGIN.test(text)) {
      const begun = await begin(text);
      isOpen = true;
      return begun;
    }
    if (END.test(text)) {
      isOpen = false;
      return query(text, parameters);
    }
    if (isOpen) return query(text, parameters);
    await begin('begin');
    const result = await orRollback(query(text, parameters));
    await query('commit', []);
    return result;
  };
}

/** Names and values as `set` takes them. */
export type Settings = readonly (readonly [name: string, value: string])[];

/**
 * Takes the settings (`-c name=value`, `--name=value`) out of start-up options, which poolers refuse; the rest is for a proxy in between, such as
 * `endpoint=…`.
 */
export function splitOptions(options: string): { settings: [string, string][]; rest: string } {
  const settings: [string, string][] = [];
  const rest = options.replace(
    /(?:^|\s)(?:-c\s*|--)([\w.-]+)=((?:\\.|[^\s\\])*)/g,
    (_all, name: string, value: string) => {
      settings.push([name.replaceAll('-', '_'), value.replace(/\\(.)/g, '$1')]);
      return '';
    },
  );
  return { settings, rest: rest.trim() };
}

function literal(text: string): string {
  return pg.escapeLiteral(text);
}
