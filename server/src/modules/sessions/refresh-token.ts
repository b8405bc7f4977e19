import { createHash, randomBytes } from 'node:crypto';
import { decodeBase64url } from '../../platform/crypto/base64url.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { sameSecret } from '../../platform/crypto/one-time.ts';
import type { TokenForm } from '../../platform/http/token-form.ts';

/** A genuine refresh token. */
export interface RefreshToken {
  sessionId: string;
  /** 0 at the sign-in, one more for each rotation. */
  generation: number;
  /** The token as the client keeps it. */
  text: string;
  /** The hash that the database keeps. */
  hash: string;
}

export interface RefreshTokens {
  /** The first token of a chain. */
  first(sessionId: string): RefreshToken;
  /** A nonce for a rotation, which the winner stores; it names the key of the successor. */
  newNonce(): string;
  /** The successor of `token` with this nonce; always the same one. */
  successor(token: RefreshToken, nonce: string): RefreshToken;
  /** The parsed token if this server made it, else null. Costs one MAC and no query. */
  parse(text: string): RefreshToken | null;
}

const VERSION = 1;
const KEY_ID_BYTES = 4;
const SESSION_ID_BYTES = 16;
const GENERATION_BYTES = 4;
const SECRET_BYTES = 32;
const MAC_BYTES = 32;
const BODY_BYTES = 1 + KEY_ID_BYTES + SESSION_ID_BYTES + GENERATION_BYTES + SECRET_BYTES;
/** Characters in base64url. */
const LENGTH = Math.ceil(((BODY_BYTES + MAC_BYTES) * 4) / 3);

export const REFRESH_TOKEN_FORM: TokenForm = {
  name: 'refresh token',
  matches: (token) => token.length === LENGTH && /^[\w-]+$/.test(token),
  sample: 'A'.repeat(LENGTH),
};

/**
 * Refresh tokens: `version, key id, session id, generation, secret, MAC` in base64url. The MAC proves that this server made the
 * token, so that garbage costs no query and changes nothing. Secrets form a chain: each is derived from its predecessor, the key, and a
 * nonce that only the winning rotation stores. So a retry gets the same successor, and a stolen key with one old token does not
 * yield the rest.
 */
export function createRefreshTokens({ keyring }: { keyring: Keyring }): RefreshTokens {
  function build(sessionId: string, generation: number, secret: Uint8Array, keyId: string): RefreshToken {
    const body = Buffer.alloc(BODY_BYTES);
    let offset = body.writeUInt8(VERSION, 0);
    offset += body.write(keyId, offset, 'hex');
    offset += body.write(sessionId.replaceAll('-', ''), offset, 'hex');
    offset = body.writeUInt32BE(generation, offset);
    body.set(secret, offset);
    const text = Buffer.concat([body, keyring.mac('refresh-token', [body], keyId)]).toString('base64url');
    return { sessionId, generation, text, hash: hashOf(text) };
  }

  return {
    first: (sessionId) => build(sessionId, 0, randomBytes(SECRET_BYTES), keyring.currentKeyId),

    newNonce: () => `${keyring.currentKeyId}.${randomBytes(SECRET_BYTES).toString('base64url')}`,

    successor(token, nonce) {
      const keyId = nonce.slice(0, nonce.indexOf('.'));
      const generation = token.generation + 1;
      const secret = keyring.mac('refresh-chain', [token.sessionId, String(generation), token.text, nonce], keyId);
      return build(token.sessionId, generation, secret, keyId);
    },

    parse(text) {
      const bytes = REFRESH_TOKEN_FORM.matches(text) ? decodeBase64url(text) : null;
      if (bytes?.length !== BODY_BYTES + MAC_BYTES || bytes[0] !== VERSION) return null;
      const body = bytes.subarray(0, BODY_BYTES);
      const keyId = body.toString('hex', 1, 1 + KEY_ID_BYTES);
      if (!keyring.has(keyId)) return null;
      if (!sameSecret(bytes.subarray(BODY_BYTES), keyring.mac('refresh-token', [body], keyId))) return null;
      const generationAt = 1 + KEY_ID_BYTES + SESSION_ID_BYTES;
      return {
        sessionId: uuidOf(body.subarray(1 + KEY_ID_BYTES, generationAt)),
        generation: body.readUInt32BE(generationAt),
        text,
        hash: hashOf(text),
      };
    },
  };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
