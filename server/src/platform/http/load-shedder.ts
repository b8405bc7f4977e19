import type { AppError } from '../errors.ts';

/** Refuses requests beyond the capacity of the server. */
export interface LoadShedder {
  /** An `onRequest` hook: refuses a request before its body is read and anything is looked up. */
  onRequest(request: unknown, reply: unknown, done: (refusal?: AppError) => void): void;
  /**
   * Counts `work` as under way until it ends. Throws the refusal at once, without calling `work`, while there is no room: otherwise all
   * requests that arrive during the first look-ups would be admitted, and refused late. Not for reading bodies: slow senders
   * would keep others out.
   */
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** `refusal`: the error for one more request beside those that are under way; null while there is room. */
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
