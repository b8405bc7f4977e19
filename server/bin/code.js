import { existsSync } from 'node:fs';

// Plain JavaScript, so that a Node.js that is too old can still say so.
const OLDEST = 24;
const isSource = existsSync(new URL('../src/cli.ts', import.meta.url));

/** Whether this is a repository, which runs its sources; an installed package has the JavaScript that `npm pack` made of them. */
export const IS_SOURCE = isSource;

/** Why this Node.js cannot run the server; null if it can. */
export const REFUSAL =
  Number.parseInt(process.versions.node, 10) < OLDEST
    ? `Ostiary needs Node.js ${OLDEST} or later; this is ${process.version}.`
    : null;

/** Loads a file of the server's code: `await load('cli')`. */
export const load = (name) => (isSource ? import(`../src/${name}.ts`) : import(`../dist/${name}.js`));
