import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { story } from './story.ts';

test('sites, their users, violations with evidence, a report by mail, and pages that follow', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sites-'));
  try {
    await story({ env: { DATABASE_URL: 'sqlite::memory:', DATA_DIR: dir }, cwd: dir });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
