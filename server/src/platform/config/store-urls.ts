import type { ConfigFault } from './config-error.ts';
import { hasGuessablePassword, sqliteFile } from './database-url.ts';

/** A store that lives on another database than the rest. */
export interface StoreUrl {
  /** `STORES_VIOLATIONS_URL`. */
  variable: string;
  /** `VIOLATIONS`, of the store `violations`. */
  name: string;
  /** As `DATABASE_URL`. */
  url: string;
}

/** One variable for each store, so it is no entry of the table of variables; its row in the docs is here. */
export const STORE_URL = {
  name: 'STORES_<NAME>_URL',
  about:
    'Another database for one store that shares no transaction with others, such as `STORES_FILES_URL`, in the form of `DATABASE_URL` (docs/guides/databases.md).',
} as const;

const VARIABLE = /^STORES_([A-Z0-9]+(?:_[A-Z0-9]+)*)_URL$/;

/** `VIOLATIONS` of `STORES_VIOLATIONS_URL`; null for other variables. */
export function storeNameOf(variable: string): string | null {
  return VARIABLE.exec(variable)?.[1] ?? null;
}

/** The name of a store as its variable has it: `SITE_REPORTS` of `siteReports`. */
export function asVariableName(store: string): string {
  return store.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toUpperCase();
}

/** Rules between these variables and others; `main` is the URL of the main database. */
export function storeUrlFaults(
  stores: readonly StoreUrl[],
  main: string | undefined,
  production: boolean,
): ConfigFault[] {
  return stores.flatMap(({ variable: name, url }) => {
    if (url === main) {
      return { name, problem: 'names the database of DATABASE_URL, where the store is anyway', fix: 'Remove it.' };
    }
    if (url.startsWith('sqlite:') && sqliteFile(url) === null) {
      const fix = 'Name a file, or a database on a server.';
      return { name, problem: 'is in memory, while other records are kept', fix };
    }
    if (production && hasGuessablePassword(url)) {
      return {
        name,
        problem: 'has no password, or a well-known one, for a database on another host',
        fix: 'Give that database user its own password, and put it into the URL.',
      };
    }
    return [];
  });
}
