import { type Static, Type } from 'typebox';
import { nullable, timestamp } from '../../platform/http/schemas.ts';
import { userSchema, userView } from '../users/schemas.ts';
import type { SessionRecord } from './session-store.ts';
import type { SignedIn } from './sessions.ts';

export const tokenTransport = Type.Enum(['cookie', 'body'], {
  title: 'TokenTransport',
  description: 'How the refresh token is sent: in an HttpOnly cookie, or in request and response bodies.',
});
export type TokenTransport = Static<typeof tokenTransport>;

/** Security of the OpenAPI document for a refresh token: in the cookie, or only in the body. */
export const BY_REFRESH_TOKEN: Record<string, string[]>[] = [{ refreshCookie: [] }, {}];

/** Long enough for an access token sent here by mistake: that is an invalid token, not an invalid request. */
export const refreshTokenInput = Type.String({ minLength: 1, maxLength: 4096 });
export const refreshBody = Type.Object(
  { refreshToken: Type.Optional(refreshTokenInput) },
  { additionalProperties: false, title: 'RefreshTokenBody' },
);

/** The answer of every route that signs somebody in. */
export const signedInSchema = Type.Object(
  {
    accessToken: Type.String(),
    tokenType: Type.Literal('Bearer'),
    expiresIn: Type.Integer({ description: 'Seconds.' }),
    refreshToken: Type.Optional(Type.String({ description: 'Only with `tokenTransport: "body"`.' })),
    cookieWarning: Type.Optional(
      Type.String({
        description: 'With `tokenTransport: "cookie"`, if browsers will drop the cookie: why, and what to do.',
      }),
    ),
    deviceToken: Type.Optional(
      Type.String({
        description:
          'With `tokenTransport: "body"`, after a sign-in: send it with the next one, so that strangers who guess at the account do not slow it down.',
      }),
    ),
    recoveryCodes: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Only after the step `enroll_mfa`, and only once: each stands in for a lost factor.',
      }),
    ),
    session: Type.Object({ id: Type.String(), expiresAt: timestamp() }, { title: 'SessionRef' }),
    user: userSchema,
  },
  { title: 'SignedIn' },
);

/** A new access token of an existing session. */
export const accessTokenSchema = Type.Object(
  {
    accessToken: Type.String(),
    tokenType: Type.Literal('Bearer'),
    expiresIn: Type.Integer({ description: 'Seconds.' }),
  },
  { title: 'AccessToken' },
);

const deviceSchema = Type.Object(
  {
    browser: nullable(Type.String()),
    os: nullable(Type.String()),
    kind: Type.Enum(['desktop', 'mobile', 'tablet', 'bot', 'other']),
  },
  { title: 'SessionDevice' },
);

export const sessionSchema = Type.Object(
  {
    id: Type.String(),
    device: deviceSchema,
    refreshedBy: Type.Optional(deviceSchema),
    ip: Type.String(),
    country: nullable(Type.String({ description: 'ISO 3166-1 alpha-2.' })),
    clientId: Type.String(),
    createdAt: timestamp(),
    lastSeenAt: timestamp(),
    expiresAt: timestamp(),
    current: Type.Boolean(),
  },
  { title: 'Session' },
);

export const sessionListSchema = Type.Object({ items: Type.Array(sessionSchema) }, { title: 'SessionList' });

/** A sign-in as `signedInSchema`; with the refresh token only if it is not in the cookie. */
export function signedInView(
  signedIn: SignedIn,
  transport: TokenTransport,
  publicUrl: string,
): Static<typeof signedInSchema> {
  const { accessToken, expiresIn, refreshToken, recoveryCodes, session, user, roles } = signedIn;
  return {
    accessToken,
    tokenType: 'Bearer',
    expiresIn,
    ...(transport === 'body' && refreshToken !== null && { refreshToken }),
    ...(recoveryCodes && { recoveryCodes: [...recoveryCodes] }),
    session: { id: session.id, expiresAt: session.idleExpiresAt },
    user: userView(user, roles, publicUrl),
  };
}

/** A session as `sessionSchema`, for its owner. */
export function sessionView(session: SessionRecord, currentId: string | null): Static<typeof sessionSchema> {
  const { id, device, refreshedBy, ip, country, clientId, createdAt, lastSeenAt, idleExpiresAt } = session;
  const times = { createdAt, lastSeenAt, expiresAt: idleExpiresAt };
  const other = refreshedBy !== null && { refreshedBy };
  return { id, device, ...other, ip, country, clientId, ...times, current: id === currentId };
}
