import { takesNoWrites } from './root-cause.ts';

/** What the database said to a statement because it takes no writes: read-only, or without room. */
export interface Refusal {
  error: unknown;
}

export interface Refusals {
  /** Looks at what a statement was answered. */
  note(error: unknown): void;
  /** The last one; null: none yet. Each is another object. */
  last(): Refusal | null;
}

/** Remembers the last refusal: a full disk still takes a write for which there happens to be room, and refuses others. */
export function createRefusals(): Refusals {
  let refusal: Refusal | null = null;
  return {
    note(error) {
      if (takesNoWrites(error)) refusal = { error };
    },
    last: () => refusal,
  };
}
