import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { findBaseBackup, findPostgres, launchPostgres, servePostgres } from './postgres.ts';
import type { ReplicatedServer } from './replicated-server.ts';
import { createScratch } from './scratch.ts';
import { asUser, onFreePort, run } from './server-process.ts';

/** A PostgreSQL with a streaming replica, both of their own, on 127.0.0.1; null where none is installed. */
export async function launchReplicatedPostgres(): Promise<ReplicatedServer | null> {
  const initdb = findPostgres();
  const baseBackup = findBaseBackup();
  if (initdb === null || baseBackup === null) return null;
  const scratch = createScratch();
  try {
    const launched = await launchPostgres(scratch, { durable: false });
    if ('missing' in launched) throw new Error(launched.missing);
    const primary = new URL(launched.url);

    const home = join(scratch.dir, 'replica');
    mkdirSync(home, { mode: 0o700 });
    const user = asUser('postgres');
    if (user.length > 0) await run(['chown', 'postgres:postgres', home]);
    const from = ['--host', primary.hostname, '--port', primary.port, '--username', primary.username];
    const copy = [baseBackup, '--pgdata', join(home, 'data'), ...from];
    // Stores the address of the primary.
    const options = ['--write-recovery-conf', '--checkpoint=fast', '--no-sync'];
    const env = { ...process.env, PGPASSWORD: primary.password };
    await run([...user, ...copy, ...options], { cwd: home, env });

    const serve = (url: string) => servePostgres(scratch, { initdb, home, url, durable: false });
    const { url, child } = await onFreePort(async (port) => {
      const at = new URL(primary);
      at.port = `${port}`;
      return { url: at.href, child: await serve(at.href) };
    });
    let running = child;
    return {
      primary: primary.href,
      replica: url,
      pause: () => execute(url, 'select pg_wal_replay_pause()'),
      resume: () => execute(url, 'select pg_wal_replay_resume()'),
      async kill() {
        const ended = once(running, 'exit');
        running.ref();
        running.kill('SIGQUIT');
        await ended;
      },
      async restart() {
        running = await serve(url);
      },
      stop: () => scratch.end(),
    };
  } catch (error) {
    await scratch.end();
    throw error;
  }
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end();
  }
}
