import type { AppError } from '../errors.ts';

/** An `onRequest` hook. */
export type Shed = (request: unknown, reply: unknown, done: (refusal?: AppError) => void) => void;

/** Turns requests away before their bodies are read and anything is looked up, while there is a refusal. */
export function createShed(refusal: () => AppError | null): Shed {
  return (_request, _reply, done) => done(refusal() ?? undefined);
}
