/** When people last changed something by this process, in milliseconds. */
export interface LastWrites {
  note(who: string, at: Date): void;
  /** No earlier than their last change; later for all, where so many people wrote since that theirs was forgotten. */
  of(who: string): number;
}

/** Remembers the last changes of `limit` people. Nobody is ever told a time that is too early. */
export function createLastWrites(limit: number): LastWrites {
  const times = new Map<string, number>();
  let forgotten = Number.NEGATIVE_INFINITY;
  return {
    note(who, at) {
      // Put at the end: the first one is always who wrote the longest ago.
      times.delete(who);
      times.set(who, at.getTime());
      if (times.size <= limit) return;
      const [[oldest, time] = ['', forgotten]] = times;
      times.delete(oldest);
      forgotten = Math.max(forgotten, time);
    },
    of: (who) => Math.max(times.get(who) ?? forgotten, forgotten),
  };
}
