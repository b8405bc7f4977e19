import { constants, randomBytes, sign, verify } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Clock, DAY, MINUTE } from '../../platform/clock.ts';
import { decodeBase64url } from '../../platform/crypto/base64url.ts';
import { hasLowS, lowS } from '../../platform/crypto/low-s.ts';
import { platformErrors } from '../../platform/errors.ts';
import { isId } from '../../platform/ids.ts';
import type { SigningKey, SigningKeys, VerificationKey } from '../keys/signing-keys.ts';

/** Claims of an access token (RFC 9068, 2.2), and the generation of the refresh token that was issued with it. */
export interface AccessTokenClaims {
  userId: string;
  sessionId: string;
  clientId: string;
  generation: number;
  authTime: Date;
  amr: string[];
  /** For clients only; the server decides nothing by it. */
  roles: string[];
}

export interface VerifiedToken extends AccessTokenClaims {
  kid: string;
  /** Unix milliseconds. */
  expiresAt: number;
}

export interface AccessTokens {
  /** Signs a token. Throws `unavailable` while this instance cannot know whether its signing key was revoked. */
  issue(claims: AccessTokenClaims): { accessToken: string; expiresIn: number };
  /** The claims of a genuine token that has not expired, or null. Does not look at its session. */
  verify(token: string): VerifiedToken | null | Promise<VerifiedToken | null>;
  /** Like `verify`, but accepts an expired token: enough to sign out with. */
  verifyExpired(token: string): Promise<VerifiedToken | null>;
}

const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Characters. A person may have a hundred roles of fifty characters; a header field has no room for more. */
const LONGEST = 16_384;
const REMEMBERED = 20_000;
/** RFC 8725, 3.11: no token of another kind may serve as an access token. */
const TYPE = 'at+jwt';
/** The longest lifetime that the configuration allows, plus the clock skew between instances. A token that claims more is forged. */
const LONGEST_LIFE = DAY + 5 * MINUTE;

/**
 * Access tokens as signed JWTs (RFC 7519, RFC 9068). `verify` accepts only the exact header that `issue` writes, in canonical base64url,
 * under a key of this server and that key's own algorithm: the client can choose neither `alg` nor `kid` nor another spelling.
 */
export function createAccessTokens(deps: {
  keys: SigningKeys;
  /** `iss` and `aud`. */
  issuer: string;
  /** Milliseconds. */
  ttl: number;
  isBlind: () => boolean;
  clock: Clock;
}): AccessTokens {
  const { keys, issuer, ttl, isBlind, clock } = deps;
  // Keyed by the exact string, so that a hit is the same bytes that were verified. `exp` and the key are checked every time.
  // Unlike `max`, `maxSize` reserves no memory ahead.
  const remembered = new LRUCache<string, VerifiedToken>({ maxSize: REMEMBERED, sizeCalculation: () => 1 });

  function check(token: string, key: VerificationKey): VerifiedToken | null {
    const [header = '', payload = '', signature = ''] = token.split('.');
    const signatureBytes = decodeBase64url(signature);
    const payloadBytes = decodeBase64url(payload);
    if (!signatureBytes || !payloadBytes || header !== headerOf(key)) return null;
    const signed = Buffer.from(`${header}.${payload}`);
    if (!verifySignature(key, signed, signatureBytes)) return null;
    return readClaims(payloadBytes, key.kid);
  }

  function readClaims(payload: Buffer, kid: string): VerifiedToken | null {
    const claims = parseJson(payload);
    if (!isClaims(claims) || claims.iss !== issuer || claims.aud !== issuer) return null;
    if (claims.exp * 1000 > clock().getTime() + LONGEST_LIFE) return null;
    return {
      userId: claims.sub,
      sessionId: claims.sid,
      clientId: claims.client_id,
      generation: Number.parseInt(claims.jti, 10),
      authTime: new Date(claims.auth_time * 1000),
      amr: claims.amr,
      roles: claims.roles,
      kid,
      expiresAt: claims.exp * 1000,
    };
  }

  function remember(token: string, verified: VerifiedToken | null): VerifiedToken | null {
    if (verified) remembered.set(token, verified);
    return verified;
  }

  function verifyAnyAge(token: string): VerifiedToken | null | Promise<VerifiedToken | null> {
    const known = remembered.get(token);
    if (known) return keys.find(known.kid) ? known : null;
    if (token.length > LONGEST || !SHAPE.test(token)) return null;
    const kid = kidOf(token);
    if (kid === null) return null;
    const key = keys.find(kid);
    if (key) return remember(token, check(token, key));
    return keys.fetch(kid).then((fetched) => (fetched ? remember(token, check(token, fetched)) : null));
  }

  const whileFresh = (verified: VerifiedToken | null) =>
    verified && verified.expiresAt > clock().getTime() ? verified : null;

  return {
    issue(claims) {
      if (isBlind()) throw platformErrors.unavailable({ headers: { 'retry-after': '1' } });
      const key = keys.current();
      const issuedAt = Math.floor(clock().getTime() / 1000);
      const expiresIn = Math.floor(ttl / 1000);
      const payload = {
        iss: issuer,
        aud: issuer,
        sub: claims.userId,
        client_id: claims.clientId,
        sid: claims.sessionId,
        jti: `${claims.generation}.${randomBytes(12).toString('base64url')}`,
        iat: issuedAt,
        exp: issuedAt + expiresIn,
        auth_time: Math.floor(claims.authTime.getTime() / 1000),
        amr: claims.amr,
        roles: claims.roles,
      };
      const signed = `${headerOf(key)}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}`;
      return { accessToken: `${signed}.${signatureOf(key, signed)}`, expiresIn };
    },

    verify(token) {
      const verified = verifyAnyAge(token);
      return verified instanceof Promise ? verified.then(whileFresh) : whileFresh(verified);
    },

    verifyExpired: async (token) => verifyAnyAge(token),
  };
}

function headerOf(key: { kid: string; algorithm: string }): string {
  return Buffer.from(JSON.stringify({ alg: key.algorithm, typ: TYPE, kid: key.kid })).toString('base64url');
}

/** The `kid` in the header. Not verified. */
function kidOf(token: string): string | null {
  const header = decodeBase64url(token.slice(0, token.indexOf('.')));
  const { kid } = ((header && parseJson(header)) ?? {}) as { kid?: unknown };
  return typeof kid === 'string' && isId(kid) ? kid : null;
}

/** Null if it is not JSON. */
function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return null;
  }
}

/** Arguments of `node:crypto` for each algorithm (RFC 7518, 3.1; RFC 8037). */
const ALGORITHMS = {
  EdDSA: { digest: null, options: {} },
  ES256: { digest: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
  RS256: { digest: 'sha256', options: { padding: constants.RSA_PKCS1_PADDING } },
} as const;

function signatureOf({ algorithm, privateKey }: SigningKey, signed: string): string {
  const { digest, options } = ALGORITHMS[algorithm];
  const made = sign(digest, Buffer.from(signed), { key: privateKey, ...options });
  return (algorithm === 'ES256' ? lowS(made) : made).toString('base64url');
}

function verifySignature({ algorithm, publicKey }: VerificationKey, signed: Buffer, signature: Buffer): boolean {
  const { digest, options } = ALGORITHMS[algorithm];
  if (algorithm === 'ES256' && !hasLowS(signature)) return false;
  return verify(digest, signed, { key: publicKey, ...options }, signature);
}

interface WireClaims {
  iss: string;
  aud: string;
  sub: string;
  client_id: string;
  sid: string;
  jti: string;
  exp: number;
  auth_time: number;
  amr: string[];
  roles: string[];
}

function isClaims(value: unknown): value is WireClaims {
  if (typeof value !== 'object' || value === null) return false;
  const { iss, aud, sub, client_id, sid, jti, exp, nbf, auth_time, amr, roles } = value as Record<string, unknown>;
  // No such token was issued, so the key is not waited for.
  if (nbf !== undefined) return false;
  const texts = [iss, aud, sub, client_id, sid, jti].every((text) => typeof text === 'string');
  return texts && [exp, auth_time].every(Number.isSafeInteger) && Array.isArray(amr) && Array.isArray(roles);
}
