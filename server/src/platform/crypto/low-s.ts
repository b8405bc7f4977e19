/** The order of P-256 (FIPS 186-5). */
const ORDER = 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n;
const HALF_ORDER = ORDER / 2n;
/** Bytes of each half of a signature, r and s. */
const HALF = 32;

/**
 * The form of a signature with the lower s, the only one that we write or accept: ECDSA accepts (r, n − s) wherever it accepts (r, s), so
 * that anybody can derive a second signature from a first. `signature` is a P-256 signature in IEEE P1363 form, 64 bytes.
 */
export function lowS(signature: Buffer): Buffer {
  const s = scalarOf(signature);
  if (s <= HALF_ORDER) return signature;
  const lower = Buffer.from((ORDER - s).toString(16).padStart(2 * HALF, '0'), 'hex');
  return Buffer.concat([signature.subarray(0, HALF), lower]);
}

/** Whether this is 64 bytes with the lower s. */
export function hasLowS(signature: Buffer): boolean {
  return signature.length === 2 * HALF && scalarOf(signature) <= HALF_ORDER;
}

function scalarOf(signature: Buffer): bigint {
  return BigInt(`0x${signature.toString('hex', HALF)}`);
}
