import { decodeBase64url } from './base64url.ts';

const ID_BYTES = 16;
const SECRET_BYTES = 32;

/** A link's token: which challenge it belongs to, and the 256 bits that were derived for it, in base64url. */
export function formatIdToken(id: string, secret: Uint8Array): string {
  return Buffer.concat([Buffer.from(id.replaceAll('-', ''), 'hex'), secret]).toString('base64url');
}

/** The parts of such a token, not yet believed; null where it has not the form. */
export function parseIdToken(token: string): { id: string; secret: Buffer } | null {
  const bytes = decodeBase64url(token);
  if (bytes?.length !== ID_BYTES + SECRET_BYTES) return null;
  const hex = bytes.toString('hex', 0, ID_BYTES);
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  return { id, secret: bytes.subarray(ID_BYTES) };
}
