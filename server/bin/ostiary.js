#!/usr/bin/env node
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { IS_SOURCE, load, REFUSAL } from './code.js';

if (REFUSAL !== null) {
  const remedy = IS_SOURCE
    ? ' Run it by npm (npm start, npm run ostiary --), which uses the one that "npm ci" installed.'
    : '';
  console.error(`${REFUSAL}${remedy}`);
  process.exit(1);
}
// Not in the system's temporary folder, the default: other users of the machine could put code of theirs there first.
const modules = IS_SOURCE ? '../../node_modules/' : '../../';
module.enableCompileCache(fileURLToPath(new URL(`${modules}.cache/ostiary`, import.meta.url)));
const { run } = await load('cli');
process.exitCode = await run(process.argv.slice(2));
