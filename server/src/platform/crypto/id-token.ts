import { decodeBase64url } from './base64url.ts';

const ID_BYTES = 16;
const SECRET_BYTES = 32;

/** The token of a link, in base64url: the id of its challenge, and the 256 bits that were derived for it. */
export function formatIdToken(id: string, secret: Uint8Array): string {
  return Buffer.concat([Buffer.from(id.replaceAll('-', ''), 'hex'), secret]).toString('base64url');
}

/** The parts of such a token, not yet verified; null if it is malformed. */
export function parseIdToken(token: string): { id: string; secret: Buffer } | null {
  const bytes = decodeBase64url(token);
  if (bytes?.length !== ID_BYTES + SECRET_BYTES) return null;
  const hex = bytes.toString('hex', 0, ID_BYTES);
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  return { id, secret: bytes.subarray(ID_BYTES) };
}
