import { createHash } from 'node:crypto';

const MEGABYTE = 1024 ** 2;
const CHUNK = 4 * MEGABYTE;

/** Pseudo-random bytes in base64 and base64url by turns, the same for the same seed: so many megabytes of text, in chunks of four. */
export function* base64Noise({ seed, megabytes }: { seed: number; megabytes: number }): Generator<string> {
  for (let n = 0; n * CHUNK < megabytes * MEGABYTE; n++) {
    const bytes = createHash('shake256', { outputLength: (CHUNK / 4) * 3 })
      .update(`${seed} ${n}`)
      .digest();
    yield bytes.toString(n % 2 === 0 ? 'base64' : 'base64url');
  }
}
