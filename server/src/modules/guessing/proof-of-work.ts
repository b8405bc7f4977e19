import { createHash, randomBytes } from 'node:crypto';
import { type Clock, MINUTE } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { createMacTokens } from '../../platform/crypto/mac-token.ts';
import type { Counters } from '../../platform/limits/counters.ts';

/** A puzzle for a client. */
export interface Puzzle {
  challenge: string;
  /** The number of leading zero bits of the SHA-256 of `challenge`, `.` and `solution`. */
  bits: number;
  /** Seconds. */
  expiresIn: number;
}

export interface Solution {
  challenge: string;
  solution: string;
}

export interface ProofOfWork {
  pose(bits: number): Puzzle;
  /** Whether this solves one of our puzzles, of at least this many bits, for the first time. */
  accept(solution: Solution, bits: number): Promise<boolean>;
}

const TTL = 5 * MINUTE;
const TIME_BYTES = 4;
const RANDOM_BYTES = 16;

/**
 * Hashcash-like puzzles, without a third party and without state: expiry, bits and random bytes under a MAC. Their single use is
 * counted as limits are: after a loss of Redis a solution is accepted once more, which makes guessing hardly cheaper.
 */
export function createProofOfWork(deps: { keyring: Keyring; counters: Counters; clock: Clock }): ProofOfWork {
  const { keyring, clock } = deps;
  const served = deps.counters({ name: 'proof-of-work', points: 1, duration: TTL / 1000 });
  const challenges = createMacTokens({ keyring, purpose: 'proof-of-work', bodyBytes: TIME_BYTES + 1 + RANDOM_BYTES });

  /** The bits of one of our challenges; 0 for any other, and for an expired one. */
  function bitsOf(challenge: string): number {
    const body = challenges.read(challenge);
    return body === null || body.readUInt32BE() * 1000 <= clock().getTime() ? 0 : body.readUInt8(TIME_BYTES);
  }

  return {
    pose(bits) {
      const head = Buffer.alloc(TIME_BYTES + 1);
      head.writeUInt32BE(Math.floor((clock().getTime() + TTL) / 1000));
      head.writeUInt8(bits, TIME_BYTES);
      const challenge = challenges.make(Buffer.concat([head, randomBytes(RANDOM_BYTES)]));
      return { challenge, bits, expiresIn: TTL / 1000 };
    },

    async accept({ challenge, solution }, bits) {
      const posed = bitsOf(challenge);
      if (posed < bits || posed === 0) return false;
      const digest = createHash('sha256').update(`${challenge}.${solution}`).digest();
      if (leadingZeros(digest) < posed) return false;
      return !(await served.add(challenge)).isOver;
    },
  };
}

function leadingZeros(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? bytes.length * 8 : first * 8 + Math.clz32(bytes[first] ?? 0) - 24;
}
