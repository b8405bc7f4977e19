import { AbstractCursor, Collection, type Db } from 'mongodb';
import { isUnavailable, unavailable, withoutValues } from './errors.ts';
import type { Watch } from './watchdog.ts';

/** `db` with everything reached through it (collections, cursors) turning the driver's network errors into `unavailable` (503). */
export function guardMongo(db: Db, watch: Watch): Db {
  return guarded(db, watch);
}

function guarded<T extends object>(target: T, watch: Watch): T {
  return new Proxy(target, {
    get(_, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const result: unknown = Reflect.apply(value, target, args);
        // Fluent calls return the cursor itself: it must stay guarded.
        return result === target ? guarded(target, watch) : guardedResult(result, watch);
      };
    },
  });
}

function guardedResult(result: unknown, watch: Watch): unknown {
  if (result instanceof Promise) return watch(result).catch(rethrow);
  const reaches = result instanceof Collection || result instanceof AbstractCursor || isAsyncIterator(result);
  return reaches ? guarded(result, watch) : result;
}

function isAsyncIterator(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function rethrow(error: unknown): never {
  const clean = withoutValues(error);
  throw isUnavailable(clean) ? unavailable(clean) : clean;
}
