import { globSync } from 'node:fs';
import type { Thing } from './objects.ts';
import type { AccessTable } from './rules.ts';
import type { World } from './world.ts';

/** What the `.matrix.ts` of a module exports. */
export interface ModuleMatrix {
  /** Its routes, and whom each admits. */
  rules: AccessTable;
  /** What the parameters of its paths name, by a path up to its last parameter. */
  things?: Record<string, (w: World) => Promise<Thing>>;
}

const MODULES = new URL('../../src/modules/', import.meta.url);

/** Of every module that has one. */
export const MATRICES: readonly ModuleMatrix[] = await Promise.all(
  globSync('*/*.matrix.ts', { cwd: MODULES })
    .sort()
    .map((file) => import(new URL(file, MODULES).href) as Promise<ModuleMatrix>),
);
