import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { envExample, withConfigTable } from '../src/platform/config/config-docs.ts';

// Writes the generated parts of the configuration's docs. A test compares them with the table in the code.
const root = join(import.meta.dirname, '../..');
writeFileSync(join(root, '.env.example'), envExample());
for (const name of ['docs/configuration.md', 'README.md', 'README.zh-CN.md']) {
  const file = join(root, name);
  if (existsSync(file)) writeFileSync(file, withConfigTable(readFileSync(file, 'utf8')));
}
