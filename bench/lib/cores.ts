import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Numbers of processor cores; null: wherever the system puts it. */
export type Cores = number[] | null;

export interface Places {
  /** Where what is measured runs. */
  server: Cores;
  /** Where its load comes from. */
  load: Cores;
  everywhere: Cores;
  count: number;
  /** How the run was laid out, in words. */
  description: string;
}

/** Gives the server one core and the load the next one, where this machine has two and `taskset` (util-linux). */
export function findPlaces(): Places {
  const count = availableParallelism();
  const cores = allowedCores();
  const [server, load] = cores;
  const hasTaskset = spawnSync('taskset', ['--version']).status === 0;
  if (!hasTaskset || server === undefined || load === undefined) {
    const why = hasTaskset ? 'only one core is known' : 'there is no taskset';
    const description = `NOT pinned, ${why}: server and load disturb each other`;
    return { server: null, load: null, everywhere: null, count, description };
  }
  const description = `server on core ${server}, load on core ${load}`;
  return { server: [server], load: [load], everywhere: cores, count, description };
}

/** The command that runs `command` on these cores only. */
export function pinned(cores: Cores, command: string[]): string[] {
  return cores === null ? command : ['taskset', '-c', cores.join(','), ...command];
}

/** From the kernel's list, such as `0-3,8`; empty where there is no such list. */
function allowedCores(): number[] {
  let status: string;
  try {
    status = readFileSync('/proc/self/status', 'utf8');
  } catch {
    return [];
  }
  const ranges = /^Cpus_allowed_list:\s*(.+)$/m.exec(status)?.[1]?.split(',') ?? [];
  return ranges.flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
