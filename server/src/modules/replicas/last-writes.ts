/** The time of each user's last change by this process, in milliseconds. */
export interface LastWrites {
  note(who: string, at: Date): void;
  /** Not earlier than the user's last change; later if it was forgotten because many others wrote since. */
  of(who: string): number;
}

/** Remembers the last changes of `limit` users. A returned time is never too early. */
export function createLastWrites(limit: number): LastWrites {
  const times = new Map<string, number>();
  let forgotten = Number.NEGATIVE_INFINITY;
  return {
    note(who, at) {
      // Put at the end: the first entry is the oldest write.
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
