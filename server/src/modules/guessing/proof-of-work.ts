import { createHash, randomBytes } from 'node:crypto';
import { type Clock, MINUTE } from '../../platform/clock.ts';
import { decodeBase64url } from '../../platform/crypto/base64url.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { sameSecret } from '../../platform/crypto/one-time.ts';
import type { Counters } from '../../platform/limits/counters.ts';

/** What a client is asked to work at. */
export interface Puzzle {
  challenge: string;
  /** So many zero bits begin the SHA-256 of `challenge`, `.` and `solution`. */
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
  /** Whether a puzzle of ours, of at least so many bits, was solved, for the first time. */
  accept(solution: Solution, bits: number): Promise<boolean>;
}

const TTL = 5 * MINUTE;
const KEY_ID_BYTES = 4;
const TIME_BYTES = 4;
const RANDOM_BYTES = 16;
const BODY_BYTES = KEY_ID_BYTES + TIME_BYTES + 1 + RANDOM_BYTES;
const MAC_BYTES = 16;

/**
 * Puzzles in the manner of Hashcash, made and checked here, without a third party and without a state: `key id, expiry, bits, random,
 * MAC` in base64url. That each serves once is counted as limits are: an empty Redis lets one serve again, which costs a guesser no less.
 */
export function createProofOfWork(deps: { keyring: Keyring; counters: Counters; clock: Clock }): ProofOfWork {
  const { keyring, clock } = deps;
  const served = deps.counters({ name: 'proof-of-work', points: 1, duration: TTL / 1000 });
  const macOf = (body: Uint8Array, keyId: string) => keyring.mac('proof-of-work', [body], keyId).subarray(0, MAC_BYTES);

  /** The bits that a challenge of ours asks for; 0 for any other, and for one that ran out. */
  function bitsOf(challenge: string): number {
    const bytes = decodeBase64url(challenge);
    if (bytes?.length !== BODY_BYTES + MAC_BYTES) return 0;
    const body = bytes.subarray(0, BODY_BYTES);
    const keyId = body.toString('hex', 0, KEY_ID_BYTES);
    if (!keyring.has(keyId) || !sameSecret(bytes.subarray(BODY_BYTES), macOf(body, keyId))) return 0;
    if (body.readUInt32BE(KEY_ID_BYTES) * 1000 <= clock().getTime()) return 0;
    return body.readUInt8(KEY_ID_BYTES + TIME_BYTES);
  }

  return {
    pose(bits) {
      const body = Buffer.alloc(BODY_BYTES);
      const keyId = keyring.currentKeyId;
      body.write(keyId, 0, 'hex');
      body.writeUInt32BE(Math.floor((clock().getTime() + TTL) / 1000), KEY_ID_BYTES);
      body.writeUInt8(bits, KEY_ID_BYTES + TIME_BYTES);
      body.set(randomBytes(RANDOM_BYTES), KEY_ID_BYTES + TIME_BYTES + 1);
      const challenge = Buffer.concat([body, macOf(body, keyId)]).toString('base64url');
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
