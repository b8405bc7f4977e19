import { idOfBytes, idToBytes } from '../ids.ts';
import { decodeBase64url } from './base64url.ts';

const ID_BYTES = 16;
const SECRET_BYTES = 32;

/** The token of a link, in base64url: the id of its challenge, and the 256 bits that were derived for it. */
export function formatIdToken(id: string, secret: Uint8Array): string {
  return Buffer.concat([idToBytes(id), secret]).toString('base64url');
}

/** The parts of such a token, not yet verified; null if it is malformed. */
export function parseIdToken(token: string): { id: string; secret: Buffer } | null {
  const bytes = decodeBase64url(token);
  if (bytes?.length !== ID_BYTES + SECRET_BYTES) return null;
  return { id: idOfBytes(bytes), secret: bytes.subarray(ID_BYTES) };
}
