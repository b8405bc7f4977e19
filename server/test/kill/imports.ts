import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { openStorage } from '../../src/open-storage.ts';
import { connectDatabase } from '../../src/platform/database/database.ts';
import { createMigrator, discoverMigrations } from '../../src/platform/database/migrations.ts';
import { PATIENCE } from '../databases.ts';
import { launch, serverEnv } from './server-process.ts';

/** Writes a CSV of so many people. */
export async function writeCrowd(path: string, count: number): Promise<void> {
  const lines = Array.from(
    { length: count },
    (_, i) => `${i},p${i}@example.com,person${i}x,Person ${i},$2b$12$${'a'.repeat(53)}`,
  );
  await writeFile(path, `id,email,username,full_name,hashed_password\n${lines.join('\n')}\n`);
}

/**
 * Imports a crowd with the command, and kills it so many times once it has made some more; then lets it end. Asserts that everybody is there
 * once, with one event each, and that the report knows it. Returns how often it was killed.
 */
export async function importUntilDead(options: {
  dir: string;
  url: string;
  file: string;
  count: number;
  kills: number;
}): Promise<number> {
  const { dir, url, file, count, kills } = options;
  const log = { warn() {} };
  const database = await connectDatabase({ url, poolSize: 2, slowQuery: 60_000, log, patience: PATIENCE });
  try {
    await createMigrator(database, await discoverMigrations(new URL('../../src/modules/', import.meta.url))).up();
    const { imports, users, events } = openStorage(database, { onCommit() {} });
    const record = () => imports.find('crowd');
    const made = async () => (await record())?.counts.made ?? 0;
    let killed = 0;
    for (;;) {
      const due = (await made()) + 1;
      const { child, outcome } = launch(['import', file, '--as', 'crowd'], { dir, env: serverEnv(dir, url) });
      let isOver = false;
      const ended = outcome.then((one) => {
        isOver = true;
        return one;
      });
      while (!isOver && killed < kills) {
        if ((await made()) >= due) {
          child.kill('SIGKILL');
          break;
        }
        await pause(5);
      }
      const { code, signal, stdout, stderr } = await ended;
      // A process that is killed at its very end has done everything.
      const isFinished = (await record())?.finishedAt instanceof Date;
      if (signal === 'SIGKILL') killed += 1;
      if (signal === 'SIGKILL' && !isFinished) continue;
      const all = count.toLocaleString('en-US');
      if (signal !== 'SIGKILL') {
        assert.equal(code, 0, stderr);
        assert.ok(stdout.startsWith(`${all} rows read\n${all} accounts made\n0 already here`), stdout);
      }
      break;
    }
    const { counts } = (await record()) ?? assert.fail('the import left no record');
    assert.deepEqual([counts.read, counts.made, counts.present, counts.skipped], [count, count, 0, {}]);
    await events.sweep();
    assert.equal(await users.count({}, count + 1), count);
    assert.equal(await events.count({ type: 'user.imported' }, count + 1), count);
    return killed;
  } finally {
    await database.close();
  }
}
