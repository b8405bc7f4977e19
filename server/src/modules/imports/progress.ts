import type { Clock } from '../../platform/clock.ts';
import { SYSTEM_CALLER } from '../../platform/http/system-caller.ts';
import type { Events } from '../events/events.ts';
import { type Counts, noCounts } from './counts.ts';
import type { ImportRecord, ImportStore } from './import-store.ts';
import { ImportFailed, type Position } from './imported-person.ts';

/** How far an import is, kept so that another process can go on with it. */
export interface Progress {
  /** Where this run begins. */
  position: Position | null;
  counts: Counts;
  /** Whether an earlier process made this account, and died before it counted it. */
  isRecovered(userId: string): boolean;
  /** The earliest batch was dealt with, up to this position. */
  done(position: Position): void;
  /** Keeps what was done, and the ids of the accounts that come next. Throws `ImportFailed` where another process goes on with the import. */
  intend(ids: readonly string[]): Promise<void>;
  finish(): Promise<void>;
}

/**
 * Goes on where an earlier run of this name was stopped, if the source has still the same content, and begins anew otherwise. From now on, a run
 * that began earlier stops. `underWay`: batches that may be, at a time.
 */
export async function openProgress(
  { store, events, clock }: { store: ImportStore | null; events: Events; clock: Clock },
  options: { name: string; fingerprint: string; fromStart: boolean; underWay: number },
): Promise<Progress> {
  const { name, fingerprint, fromStart, underWay } = options;
  if (store === null) return keepNothing();
  const known = await store.find(name);
  const goesOn = known !== null && known.finishedAt === null && known.fingerprint === fingerprint && !fromStart;
  const now = clock();
  let version = known?.version ?? 0;
  const record: Omit<ImportRecord, 'version'> = {
    id: name,
    fingerprint,
    position: goesOn ? known.position : null,
    counts: goesOn ? known.counts : noCounts(),
    intendedIds: goesOn ? known.intendedIds : [],
    startedAt: goesOn ? known.startedAt : now,
    updatedAt: now,
    finishedAt: null,
  };
  // They are of the batches that were under way, which come first now; until they are done, this run may be killed as well.
  const recovered = new Set(record.intendedIds);
  let batches = 0;

  async function write(type: 'started' | 'finished' | null): Promise<void> {
    const { made, present, skipped } = record.counts;
    const left = Object.values(skipped).reduce((sum, count) => sum + count, 0);
    const data = type === 'finished' ? { made, present, skipped: left } : { resumed: goesOn };
    const event = type && events.describe(SYSTEM_CALLER, { type: `import.${type}`, target: `import:${name}`, data });
    record.updatedAt = clock();
    if (!(await store?.replace(version, record, event))) {
      throw new ImportFailed(`Another process goes on with the import of ${name}; this one stops.`);
    }
    version += 1;
  }

  await write('started');
  return {
    position: record.position,
    counts: record.counts,
    isRecovered: (userId) => recovered.has(userId),
    done(position) {
      record.position = position;
      batches += 1;
      if (batches === underWay) recovered.clear();
    },
    async intend(ids) {
      record.intendedIds = [...recovered, ...ids];
      await write(null);
    },
    async finish() {
      record.intendedIds = [];
      record.finishedAt = clock();
      await write('finished');
    },
  };
}

function keepNothing(): Progress {
  return {
    position: null,
    counts: noCounts(),
    isRecovered: () => false,
    done() {},
    async intend() {},
    async finish() {},
  };
}
