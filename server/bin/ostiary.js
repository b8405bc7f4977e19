#!/usr/bin/env node
import module from 'node:module';
import { fileURLToPath } from 'node:url';

// Plain JavaScript, so that a Node.js that is too old can still say so.
const OLDEST = 24;
if (Number.parseInt(process.versions.node, 10) < OLDEST) {
  console.error(
    `Ostiary needs Node.js ${OLDEST} or later; this is ${process.version}. Run it by npm (npm start, npm run ostiary --), which uses the one that "npm ci" installed.`,
  );
  process.exit(1);
}
// Not in the system's temporary folder, the default: other users of the machine could put code of theirs there first.
module.enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/ostiary', import.meta.url)));
const { run } = await import('../src/cli.ts');
process.exitCode = await run(process.argv.slice(2));
