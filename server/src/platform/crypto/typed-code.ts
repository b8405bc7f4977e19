/** Crockford's base 32: without I, L, O and U, so that no two letters look alike. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const BITS = 5;
/** 16 letters are 80 bits: nobody guesses them, however many may be tried. */
const LETTERS = 16;
const GROUP = 4;
const READ_AS: Record<string, string> = { O: '0', I: '1', L: '1' };

/** A code of 80 bits for people to type, from the first bits of a secret: `7K2M-9XD4-RTAH-3WZ0`. */
export function formatTypedCode(secret: Uint8Array): string {
  let bits = 0n;
  for (const byte of secret.subarray(0, (LETTERS * BITS) / 8)) bits = (bits << 8n) | BigInt(byte);
  const letters = Array.from({ length: LETTERS }, (_, index) => {
    const shift = BigInt((LETTERS - 1 - index) * BITS);
    return ALPHABET[Number((bits >> shift) & 31n)];
  });
  const groups = Array.from({ length: LETTERS / GROUP }, (_, index) =>
    letters.slice(index * GROUP, (index + 1) * GROUP),
  );
  return groups.map((group) => group.join('')).join('-');
}

/** A typed code as `formatTypedCode` writes it, whatever its case, separators and look-alikes; any other text stays wrong. */
export function readTypedCode(text: string): string {
  const letters = text
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replace(/[OIL]/g, (letter) => READ_AS[letter] ?? letter);
  return letters.match(/.{1,4}/g)?.join('-') ?? '';
}
