/** What a look at an event loop shows: `began` and `ended` once for each stall. */
export type LoopState = 'runs' | 'began' | 'stalls' | 'ended';

/**
 * Judges an event loop by the beats that it counts: it stalls if it has not beaten for `limit` milliseconds. A look that comes late by as
 * much shows nothing: then the whole process stood, as on a machine that was suspended.
 */
export function createStallDetector(): {
  look(beats: number, now: number, limit: number): { state: LoopState; lasted: number };
} {
  let seen: number | null = null;
  let beatAt = 0;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let isStalled = false;

  return {
    look(beats, now, limit) {
      const isLate = now - lookedAt >= limit;
      lookedAt = now;
      const lasted = now - beatAt;
      if (beats !== seen || (isLate && !isStalled)) {
        const hasEnded = isStalled;
        [seen, beatAt, isStalled] = [beats, now, false];
        return { state: hasEnded ? 'ended' : 'runs', lasted };
      }
      if (isStalled) return { state: 'stalls', lasted };
      isStalled = lasted >= limit;
      return { state: isStalled ? 'began' : 'runs', lasted };
    },
  };
}
