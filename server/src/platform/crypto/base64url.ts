const CANONICAL = /^[A-Za-z0-9_-]*$/;

/**
 * The bytes of a base64url text (RFC 4648, 5, no padding), or null if it is not their canonical spelling:
 * Node ignores foreign characters and stray bits, so that many texts would decode to the same token.
 */
export function decodeBase64url(text: string): Buffer | null {
  if (!CANONICAL.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
