import type { ImportRecord } from './import-store.ts';

/** The record but its id and version as JSON: only imports read it. */
export function toState({ id: _id, ...state }: Omit<ImportRecord, 'version'>): string {
  return JSON.stringify(state);
}

export function fromState(id: string, state: string, version: number): ImportRecord {
  const { startedAt, updatedAt, finishedAt, ...rest } = JSON.parse(state);
  const times = {
    startedAt: new Date(startedAt),
    updatedAt: new Date(updatedAt),
    finishedAt: finishedAt === null ? null : new Date(finishedAt),
  };
  return { id, ...rest, ...times, version };
}
