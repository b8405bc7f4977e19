import { type Static, Type } from 'typebox';
import type { AppError } from '../errors.ts';
import { nullable } from './schemas.ts';

/** The result for each item of a bulk action. */
export interface ItemResult {
  id: string;
  /** Null on success. */
  error: AppError | null;
}

export const resultsSchema = Type.Object(
  {
    results: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          ok: Type.Boolean(),
          code: nullable(Type.String({ description: 'The error code if it was refused.' })),
        },
        { title: 'ItemResult' },
      ),
    ),
  },
  { title: 'Results' },
);

export const idsInput = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
  minItems: 1,
  maxItems: 100,
  uniqueItems: true,
});

export function resultsView(results: readonly ItemResult[]): Static<typeof resultsSchema> {
  return { results: results.map(({ id, error }) => ({ id, ok: error === null, code: error?.code ?? null })) };
}
