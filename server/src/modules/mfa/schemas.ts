import { Type } from 'typebox';
import { timestamp } from '../../platform/http/schemas.ts';

const closed = { additionalProperties: false } as const;

export const idParams = Type.Object({ id: Type.String({ maxLength: 100 }) }, closed);

export const recoverFactorsBody = Type.Object(
  { flowToken: Type.String({ minLength: 1, maxLength: 1024, description: 'Of the step `mfa`.' }) },
  { ...closed, title: 'RecoverFactorsBody' },
);

export const stopResetBody = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 200 }) },
  { ...closed, title: 'StopFactorResetBody' },
);

export const resetBody = Type.Object(
  {
    reason: Type.String({
      minLength: 1,
      maxLength: 500,
      format: 'paragraph',
      examples: ['Lost phone, seen in person'],
    }),
  },
  { ...closed, title: 'ResetFactorsBody' },
);

export const resetSchema = Type.Object(
  { effectiveAt: timestamp({ description: 'Until then any factor of the user, the mailed link or you can stop it.' }) },
  { title: 'FactorReset' },
);
