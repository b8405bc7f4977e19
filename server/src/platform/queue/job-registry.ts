import type { TSchema } from 'typebox';
import type { JobDefinition } from './define-job.ts';

/** The kinds of jobs of this process. */
export interface JobRegistry {
  /** Throws a TypeError for a name that is in use. */
  add(definition: JobDefinition<TSchema, unknown>): void;
  find(name: string): JobDefinition<TSchema, unknown> | null;
  names(): string[];
}

export function createJobRegistry(): JobRegistry {
  const definitions = new Map<string, JobDefinition<TSchema, unknown>>();
  return {
    add(definition) {
      if (definitions.has(definition.name)) throw new TypeError(`There is already a job ${definition.name}.`);
      definitions.set(definition.name, definition);
    },
    find: (name) => definitions.get(name) ?? null,
    names: () => [...definitions.keys()],
  };
}
