import type { AppError } from '../errors.ts';

/** Turns away what comes too much at a time. */
export interface LoadShedder {
  /** An `onRequest` hook: turns a request away before its body is read and anything is looked up. */
  onRequest(request: unknown, reply: unknown, done: (refusal?: AppError) => void): void;
  /**
   * Counts `work` as under way until it ends. Throws the refusal, at once and without calling it, while there is no room: otherwise all that
   * come while the first ones look things up would be let in, and hear of it late. Not for reading bodies: whoever is slow to send one
   * would keep others out.
   */
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** `refusal`: what one more is told beside so many that are under way; null while there is room. */
export function createLoadShedder(refusal: (underWay: number) => AppError | null): LoadShedder {
  let underWay = 0;
  return {
    onRequest: (_request, _reply, done) => done(refusal(underWay) ?? undefined),
    async run(work) {
      const refused = refusal(underWay);
      if (refused) throw refused;
      underWay += 1;
      try {
        return await work();
      } finally {
        underWay -= 1;
      }
    },
  };
}
