import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { testDatabases } from './databases.ts';
import { importUntilDead, writeCrowd } from './kill/imports.ts';
import { withServers } from './kill/server-process.ts';

const COUNT = 60_000;
const KILLS = 5;

describe('an import that is killed five times', { timeout: 1_200_000 }, () => {
  for (const { name, emptyUrl } of testDatabases()) {
    it(`makes everybody once (${name})`, async () => {
      const { url, drop } = await emptyUrl();
      try {
        await withServers(async (dir) => {
          await writeCrowd(join(dir, 'crowd.csv'), COUNT);
          assert.equal(await importUntilDead({ dir, url, file: 'crowd.csv', count: COUNT, kills: KILLS }), KILLS);
        });
      } finally {
        await drop();
      }
    });
  }
});
