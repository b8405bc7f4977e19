import { operatorReason } from './root-cause.ts';

/** The reason why the migrations stopped, in one sentence for the operator; the database's error is the `cause`. */
export class MigrationFailed extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'MigrationFailed';
  }
}

/** The database is newer than the code: continuing could damage data of the newer version. */
export function newerDatabase(names: string[]): MigrationFailed {
  return new MigrationFailed(
    `The database has migrations that this version does not know (${names.join(', ')}): start the newer version, or configure the module of your own that has them, or let that migrate down first.`,
  );
}

/** A step of the migration `name` threw `error`. */
export function stepFailed(name: string, error: unknown): MigrationFailed {
  return new MigrationFailed(`The migration ${name} failed: ${reasonOf(error)}`, error);
}

/** What came before any step threw `error`. */
export function runFailed(error: unknown): MigrationFailed {
  return new MigrationFailed(`The migrations could not be run: ${reasonOf(error)}`, error);
}

/** A 503 of ours is for clients, and would hide the cause. */
function reasonOf(error: unknown): string {
  return operatorReason(error) ?? (error instanceof Error ? error.message : String(error));
}
