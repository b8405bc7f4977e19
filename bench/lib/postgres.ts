import { Client } from 'pg';
import { startTestServers, type TestServers } from '../../server/tools/test-servers/start.ts';

export interface Postgres {
  /** A new database; null where no PostgreSQL can be had. The server is started at the first call. */
  newDatabase(): Promise<string | null>;
  /** What the figures were measured on. */
  description(): string;
  stop(): Promise<void>;
}

/** A private PostgreSQL that waits for the disk, as one in production does. */
export function createPostgres(): Postgres {
  let starting: Promise<TestServers> | null = null;
  let description = 'PostgreSQL: not needed';
  let databases = 0;
  return {
    async newDatabase() {
      starting ??= startTestServers({ only: ['postgres'], durable: true });
      const { urls, report } = await starting;
      description = report.join('; ');
      if (urls.postgres === undefined) return null;
      const name = `bench_${process.pid}_${databases++}`;
      const client = new Client({ connectionString: urls.postgres });
      await client.connect();
      try {
        await client.query(`create database ${name} template template0 encoding 'UTF8'`);
      } finally {
        await client.end();
      }
      const url = new URL(urls.postgres);
      url.pathname = `/${name}`;
      return url.href;
    },
    description: () => description,
    stop: async () => (await starting)?.stop(),
  };
}
