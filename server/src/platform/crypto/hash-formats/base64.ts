const ALPHABET = /^[A-Za-z0-9+/.]*={0,2}$/;

/** Decodes base64 with or without padding, and passlib's `ab64` (`.` in place of `+`). Null for any other text. */
export function decodeBase64(text: string): Buffer | null {
  if (!ALPHABET.test(text)) return null;
  const bare = text.replace(/=+$/, '').replaceAll('.', '+');
  // One character has six bits, which is less than a byte.
  return bare.length % 4 === 1 ? null : Buffer.from(bare, 'base64');
}
