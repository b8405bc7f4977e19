import { execFileSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Before `npm pack`: makes dist/, the JavaScript and the types of src/. Node.js runs no TypeScript below node_modules.
const place = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const tsc = fileURLToPath(import.meta.resolve('typescript/package.json')).replace(/package\.json$/, 'bin/tsc');

// Nothing of an earlier one, such as a migration that is gone.
rmSync(place('../dist'), { recursive: true, force: true });
execFileSync(process.execPath, [tsc, '--project', place('../tsconfig.package.json')], { stdio: 'inherit' });
copyFileSync(place('../../LICENSE'), place('../dist/LICENSE'));
