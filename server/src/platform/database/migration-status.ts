export interface MigrationStatus {
  name: string;
  /** Null: pending. */
  appliedAt: Date | null;
  /** False: applied by a newer version, unknown to this one. */
  known: boolean;
}

/** Orders names as migrations apply: by their leading time, independent of the locale. */
export function byName(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** All migrations of the code and of the database, in order. */
export function statusList(names: string[], applied: Map<string, Date>): MigrationStatus[] {
  const all = new Set([...names, ...applied.keys()]);
  return [...all].sort(byName).map((name) => ({
    name,
    appliedAt: applied.get(name) ?? null,
    known: names.includes(name),
  }));
}
