import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { hash as argon2Hash } from '@node-rs/argon2';
import { type AppError, platformErrors } from '../errors.ts';
import { createBoundedQueue } from './bounded-queue.ts';
import { ARGON2_MAX_MEMORY, ARGON2_MAX_WORK } from './hash-formats/argon2.ts';
import { readStoredHash } from './hash-formats/read-stored-hash.ts';
import type { StoredHash } from './hash-formats/stored-hash.ts';

export interface PasswordHasher {
  /**
   * Hashes the NFKC form of a password (argon2id, RFC 9106) into a PHC string.
   * Throws `overloaded` at once when the queue is full.
   */
  hash(password: string): Promise<string>;
  /**
   * Compares a password with a stored hash; never throws because of the stored text. `upgrade`: the password is right, but `stored` is not
   * what `hash` produces now, so hash the password again and store that (a refusal of that `hash` must not fail the sign-in).
   *
   * Time: an unknown user (`null`), an unreadable hash and a wrong password are indistinguishable. A hash of the present
   * parameters and the decoy for a missing one take the same native call over the same memory and passes.
   * A wrong password against another format costs that format and then the decoy: such accounts are never
   * faster, though the slowest formats remain visible until their upgrade.
   *
   * A password that NFKC changes is tried in both forms, so that each computation above happens twice, in all cases:
   * an imported argon2id hash of the present parameters looks like our own, but is a hash of the raw form.
   * Throws `overloaded` at once when the queue is full.
   */
  verify(password: string, stored: string | null): Promise<{ ok: boolean; upgrade: boolean }>;
  /**
   * The error that both would throw now, or once `underWay` requests have come that far; null while there is room. For refusing a flood
   * before any other work.
   */
  refusal(underWay?: number): AppError | null;
  /** `hashes` counts all computations, of any format. */
  stats(): { active: number; queued: number; hashes: number };
}

export interface PasswordHasherOptions {
  /** KiB. */
  memory: number;
  passes: number;
  /** Processes that share the cores of this machine; default: 1. */
  processes?: number;
  /**
   * Computations at a time; default: this process's share of the cores, at most 4, and one thread of the libuv pool fewer than it has. (One more
   * gained no sign-ins.)
   */
  concurrency?: number;
  /** Maximum number of waiting calls, however quick computations are; default: 128 per concurrent computation. */
  queueLimit?: number;
  /** Milliseconds that a call may take, its wait included; default: 850 in a queue that stands, and 3,000 in a burst (decision 39). */
  longestWait?: number | undefined;
}

const MAX_DEFAULT_CONCURRENCY = 4;
const QUEUE_PER_PLACE = 128;
/** Milliseconds, so that a sign-in is done within a second. */
const LONGEST_ANSWER = 850;
const LONGEST_BURST = 3_000;
/** Milliseconds per MiB and pass, a high estimate; the real duration is learned from the first computations on. */
const EXPECTED_PACE = 1;
/** File access and name look-ups share the pool; hashing alone must not fill it. */
const RESERVED_POOL_THREADS = 1;
const LIBUV_DEFAULT_POOL = 4;
const MIN_LANE_MEMORY = 8;
const SALT_BYTES = 16;
const DIGEST_BYTES = 32;

/** Hashes passwords off the event loop, within bounds. Throws `TypeError` for parameters that could not be verified later. */
export function createPasswordHasher(options: PasswordHasherOptions): PasswordHasher {
  const { memory, passes, concurrency = defaultConcurrency(options.processes ?? 1), longestWait } = options;
  const { queueLimit = concurrency * QUEUE_PER_PLACE } = options;
  if (!Number.isInteger(memory) || memory < MIN_LANE_MEMORY || memory > ARGON2_MAX_MEMORY) {
    throw new TypeError(`memory must be ${MIN_LANE_MEMORY} to ${ARGON2_MAX_MEMORY} KiB`);
  }
  if (!Number.isInteger(passes) || passes < 1 || memory * passes > ARGON2_MAX_WORK) {
    throw new TypeError(`passes must be at least 1, and memory times passes at most ${ARGON2_MAX_WORK}`);
  }
  if (!Number.isInteger(concurrency) || concurrency < 1 || !Number.isInteger(queueLimit) || queueLimit < 0) {
    throw new TypeError('concurrency must be at least 1 and queueLimit at least 0');
  }

  const overloaded = () => platformErrors.overloaded({ headers: { 'retry-after': String(queue.retryAfter()) } });
  const expected = (EXPECTED_PACE * memory * passes) / 1024;
  const queue = createBoundedQueue({
    concurrency,
    limit: queueLimit,
    longestAnswer: longestWait ?? LONGEST_ANSWER,
    longestBurst: longestWait ?? LONGEST_BURST,
    expected,
    full: overloaded,
  });
  const prefix = `$argon2id$v=19$m=${memory},t=${passes},p=1$`;
  const currentLength = prefix.length + unpadded(SALT_BYTES) + 1 + unpadded(DIGEST_BYTES);
  const decoy = makeDecoy(prefix);
  let hashes = 0;

  /** The index of the first form that matches, or -1. */
  async function firstMatch(target: StoredHash, forms: Uint8Array[]): Promise<number> {
    for (const [index, form] of forms.entries()) {
      hashes += 1;
      if (await target.matches(form)) return index;
    }
    return -1;
  }

  return {
    hash: (password) =>
      queue.run(() => {
        hashes += 1;
        const parameters = { memoryCost: memory, timeCost: passes, parallelism: 1, outputLen: DIGEST_BYTES };
        return argon2Hash(Buffer.from(password.normalize('NFKC')), parameters);
      }),
    verify: (password, stored) =>
      queue.run(async () => {
        const { normal, imported } = formsOf(password);
        const found = stored === null ? null : readStoredHash(stored);
        if (!stored || !found) {
          await firstMatch(decoy, normal);
          return { ok: false, upgrade: false };
        }
        if (stored.startsWith(prefix) && stored.length === currentLength) {
          const match = await firstMatch(found, normal);
          return { ok: match >= 0, upgrade: match > 0 };
        }
        if ((await firstMatch(found, imported)) >= 0) return { ok: true, upgrade: true };
        await firstMatch(decoy, normal);
        return { ok: false, upgrade: false };
      }),
    refusal: (underWay = 0) => (queue.isFull() || underWay >= queue.room() ? overloaded() : null),
    stats: () => ({ ...queue.stats(), hashes }),
  };
}

/**
 * The byte strings to try, in order: our own hashes use the NFKC form, other software the raw or a normalised form.
 * A lone surrogate becomes U+FFFD, as in every UTF-8 encoder that does not fail.
 */
function formsOf(password: string): { normal: Uint8Array[]; imported: Uint8Array[] } {
  const normalised = password.normalize('NFKC');
  const bytes = Buffer.from(normalised);
  if (normalised === password) return { normal: [bytes], imported: [bytes] };
  const raw = Buffer.from(password);
  return { normal: [bytes, raw], imported: [raw, bytes] };
}

/** A hash of the present parameters that matches no password: its digest is random. */
function makeDecoy(prefix: string): StoredHash {
  const encode = (bytes: number) => randomBytes(bytes).toString('base64').replace(/=+$/, '');
  const decoy = readStoredHash(`${prefix}${encode(SALT_BYTES)}$${encode(DIGEST_BYTES)}`);
  if (!decoy) throw new TypeError('argon2id does not accept these parameters');
  return decoy;
}

/** Length of this many bytes in base64 without padding. */
function unpadded(bytes: number): number {
  return Math.ceil((bytes * 8) / 6);
}

function defaultConcurrency(processes: number): number {
  const pool = Number(process.env.UV_THREADPOOL_SIZE) || LIBUV_DEFAULT_POOL;
  const share = Math.ceil(availableParallelism() / processes);
  return Math.max(1, Math.min(share, MAX_DEFAULT_CONCURRENCY, pool - RESERVED_POOL_THREADS));
}
