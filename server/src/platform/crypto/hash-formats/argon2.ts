import { parseOptions, verify } from '@node-rs/argon2';
import { type HashReader, MIN_DIGEST_BYTES } from './stored-hash.ts';

/** KiB; the most that a single hash may use. */
export const ARGON2_MAX_MEMORY = 1024 * 1024;
/** Memory (KiB) times passes: two to four seconds of one core. */
export const ARGON2_MAX_WORK = 4 * 1024 * 1024;
/** Lanes; Django's default is 8. */
export const ARGON2_MAX_LANES = 64;

/** PHC string of RFC 9106's algorithms (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`, `v` absent: 16); Django puts `argon2` before it. */
export const readArgon2: HashReader = (stored) => {
  const phc = stored.startsWith('argon2$') ? stored.slice('argon2'.length) : stored;
  if (!/^\$argon2(id|i|d)\$/.test(phc)) return null;
  const cost = readCost(phc);
  if (
    !cost ||
    cost.outputLen < MIN_DIGEST_BYTES ||
    cost.memoryCost > ARGON2_MAX_MEMORY ||
    cost.memoryCost * cost.timeCost > ARGON2_MAX_WORK ||
    cost.parallelism > ARGON2_MAX_LANES
  ) {
    return null;
  }
  return { matches: (password) => verify(phc, password) };
};

function readCost(phc: string) {
  try {
    return parseOptions(phc);
  } catch {
    return null; // The library's parser is as strict as its verification: a string that it refuses can never match.
  }
}
