import { AbstractCursor, Collection, type Db } from 'mongodb';
import { isUnavailable, unavailable, withoutValues } from './errors.ts';
import type { Refusals } from './refusals.ts';
import type { Watch } from './watchdog.ts';

/** `db` with everything reached through it (collections, cursors) turning the driver's network errors into `unavailable` (503). */
export function guardMongo(db: Db, watch: Watch, refusals: Refusals): Db {
  return guarded(db, { watch, refusals });
}

interface Guards {
  watch: Watch;
  refusals: Refusals;
}

function guarded<T extends object>(target: T, guards: Guards): T {
  return new Proxy(target, {
    get(_, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const result: unknown = Reflect.apply(value, target, args);
        // Fluent calls return the cursor itself: it must stay guarded.
        return result === target ? guarded(target, guards) : guardedResult(result, guards);
      };
    },
  });
}

function guardedResult(result: unknown, guards: Guards): unknown {
  const { watch, refusals } = guards;
  if (result instanceof Promise) return watch(result).catch((error) => rethrow(error, refusals));
  const reaches = result instanceof Collection || result instanceof AbstractCursor || isAsyncIterator(result);
  return reaches ? guarded(result, guards) : result;
}

function isAsyncIterator(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function rethrow(error: unknown, refusals: Refusals): never {
  const clean = withoutValues(error);
  refusals.note(clean);
  throw isUnavailable(clean) ? unavailable(clean) : clean;
}
