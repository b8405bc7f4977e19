import { type Static, Type } from 'typebox';
import { after } from '../../platform/clock.ts';
import type { KeyLink } from './key-chain.ts';
import { KEPT_AFTER } from './key-memory.ts';

const time = Type.String({ format: 'date-time' });
const timeOrNull = Type.Union([time, Type.Null()]);
const use = Type.Union([Type.Literal('sig'), Type.Literal('enc')], {
  title: 'KeyUse',
  description: '`sig`: signs tokens; `enc`: decrypts passwords',
});

export const keySchema = Type.Object(
  {
    id: Type.String({ description: 'The `kid`' }),
    use,
    algorithm: Type.String(),
    status: Type.Union([Type.Literal('next'), Type.Literal('active'), Type.Literal('retired')], { title: 'KeyStatus' }),
    createdAt: time,
    activatedAt: timeOrNull,
    retiredAt: timeOrNull,
    validUntil: Type.Union([time, Type.Null()], {
      description: 'Of a retired key: until when what was signed or encrypted with it is accepted',
    }),
  },
  { title: 'Key' },
);

export const keysSchema = Type.Object({ items: Type.Array(keySchema) }, { title: 'KeyList' });
export const keyParams = Type.Object({ id: Type.String({ maxLength: 100 }) }, { additionalProperties: false });
export const rotateBody = Type.Object(
  { use: Type.Optional(use) },
  { additionalProperties: false, title: 'RotateKeysBody' },
);

/** A key as administrators see it, without its private half. */
export function keyView({ key, status, retiredAt }: KeyLink): Static<typeof keySchema> {
  return {
    id: key.id,
    use: key.use,
    algorithm: key.algorithm,
    status,
    createdAt: key.createdAt.toISOString(),
    activatedAt: key.activatedAt?.toISOString() ?? null,
    retiredAt: retiredAt?.toISOString() ?? null,
    validUntil: retiredAt && after(retiredAt, KEPT_AFTER).toISOString(),
  };
}
