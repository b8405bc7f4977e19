import { decodeBase64url } from './base64url.ts';
import type { Keyring } from './keyring.ts';
import { sameSecret } from './one-time.ts';

export interface MacTokens {
  /** A token that contains `body`; `read` needs the same `context`, which the token does not contain. */
  make(body: Uint8Array, ...context: string[]): string;
  /** The bytes of a token that was made with this context; null for anything else. Costs one MAC and no query. */
  read(token: string, ...context: string[]): Buffer | null;
  /** The bytes of a well-formed token, not verified: to find the context by which they are. */
  peek(token: string): Buffer | null;
}

const KEY_ID_BYTES = 4;
const MAC_BYTES = 32;

/**
 * Self-contained authentic tokens, not encrypted: `key id, body, MAC` in base64url, with a body of a fixed length. A token of one purpose
 * is invalid for another.
 */
export function createMacTokens(deps: { keyring: Keyring; purpose: string; bodyBytes: number }): MacTokens {
  const { keyring, purpose, bodyBytes } = deps;
  const signedBytes = KEY_ID_BYTES + bodyBytes;

  return {
    make(body, ...context) {
      if (body.length !== bodyBytes) throw new TypeError(`The body of a ${purpose} token has ${bodyBytes} bytes.`);
      const signed = Buffer.concat([Buffer.from(keyring.currentKeyId, 'hex'), body]);
      return Buffer.concat([signed, keyring.mac(purpose, [signed, ...context])]).toString('base64url');
    },

    peek(token) {
      const bytes = decodeBase64url(token);
      return bytes?.length === signedBytes + MAC_BYTES ? bytes.subarray(KEY_ID_BYTES, signedBytes) : null;
    },

    read(token, ...context) {
      const bytes = decodeBase64url(token);
      if (bytes?.length !== signedBytes + MAC_BYTES) return null;
      const signed = bytes.subarray(0, signedBytes);
      const keyId = signed.toString('hex', 0, KEY_ID_BYTES);
      if (!keyring.has(keyId)) return null;
      const mac = keyring.mac(purpose, [signed, ...context], keyId);
      return sameSecret(bytes.subarray(signedBytes), mac) ? signed.subarray(KEY_ID_BYTES) : null;
    },
  };
}
