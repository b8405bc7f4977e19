import { createHash } from 'node:crypto';
import type { Static, TSchema } from 'typebox';
import { after, type Clock } from '../clock.ts';
import type { Fault } from '../errors.ts';
import { newId } from '../ids.ts';
import { faultsOf } from './check-args.ts';
import type { JobDefinition } from './define-job.ts';
import type { JobRegistry } from './job-registry.ts';
import type { EnqueueOptions, JobQueue } from './queue.ts';

/** One kind of job, for callers that enqueue it. */
export interface Job<Schema extends TSchema> {
  name: string;
  /**
   * Resolves with the job's id when it is stored: `await report.enqueue({ month: '2026-11' })`. Throws a TypeError for invalid arguments,
   * and `unavailable` while the queue is away. Work that must follow a change follows its event instead: a separate call could be lost.
   */
  enqueue(args: Static<Schema>, options?: EnqueueOptions): Promise<string>;
}

export interface Jobs {
  /** Registers a kind of job, before the start. Throws a TypeError for a name that is in use. */
  register<Schema extends TSchema, Result>(definition: JobDefinition<Schema, Result>): Job<Schema>;
  /** The faults of arguments for a job of this name; null if there is no such job. */
  faultsOf(name: string, args: unknown): Fault[] | null;
  /** For names from data. Throws a TypeError for an unknown job or invalid arguments. */
  enqueue(name: string, args: unknown, options?: EnqueueOptions): Promise<string>;
  /** The id of a job of this name with this idempotency key, whether or not it exists. */
  idOf(name: string, key: string): string;
  names(): string[];
  /** The names of jobs that people may schedule. */
  schedulable(): string[];
}

const LARGEST_PRIORITY = 1000;
const KEY_LIMIT = 200;

/** The kinds of jobs, and enqueueing them. */
export function createJobs(deps: { registry: JobRegistry; queue: JobQueue; clock: Clock }): Jobs {
  const { registry, queue, clock } = deps;

  async function enqueue(name: string, args: unknown, options: EnqueueOptions = {}): Promise<string> {
    const definition = registry.find(name);
    if (!definition) throw new TypeError(`There is no job ${name}.`);
    const faults = faultsOf(definition.schema, args);
    if (faults.length > 0)
      throw new TypeError(`${name}: ${faults.map((fault) => Object.values(fault).join(' ')).join('; ')}`);
    const { key, unique, delay = 0, priority = 0, retries = definition.retries, promised = false } = options;
    checkOptions(name, { key, unique, delay, priority, retries });
    const now = clock();
    return queue.add({
      name,
      args,
      priority,
      retries,
      promised,
      id: key === undefined ? newId(now) : idOfKey(name, key),
      uniqueKey: unique ?? null,
      createdAt: now,
      runAt: delay > 0 ? after(now, delay) : null,
    });
  }

  return {
    register<Schema extends TSchema, Result>(definition: JobDefinition<Schema, Result>): Job<Schema> {
      registry.add(definition as unknown as JobDefinition);
      const { name } = definition;
      return { name, enqueue: (args, options) => enqueue(name, args, options) };
    },
    faultsOf(name, args) {
      const definition = registry.find(name);
      return definition && faultsOf(definition.schema, args);
    },
    enqueue,
    idOf: idOfKey,
    names: () => registry.names(),
    schedulable: () => registry.names().filter((name) => registry.find(name)?.schedulable),
  };
}

function checkOptions(name: string, options: EnqueueOptions): void {
  const { key = 'k', unique = 'k', delay = 0, priority = 0, retries = 0 } = options;
  const isKey = (text: string) => text.length > 0 && text.length <= KEY_LIMIT;
  const isCount = (value: number, most: number) => Number.isInteger(value) && value >= 0 && value <= most;
  if (!isKey(key) || !isKey(unique)) throw new TypeError(`${name}: a key has 1 to ${KEY_LIMIT} characters.`);
  if (!(delay >= 0) || !Number.isFinite(delay)) throw new TypeError(`${name}: a delay is in milliseconds.`);
  if (!isCount(priority, LARGEST_PRIORITY) || !isCount(retries, LARGEST_PRIORITY)) {
    throw new TypeError(`${name}: priority and retries are 0 to ${LARGEST_PRIORITY}.`);
  }
}

/** The job id of an idempotency key, the same in every process: a UUIDv8 (RFC 9562, 5.8) of name and key. */
function idOfKey(name: string, key: string): string {
  const hash = createHash('sha256').update(`${name}\n${key}`).digest();
  hash[6] = 0x80 | ((hash[6] ?? 0) & 0x0f);
  hash[8] = 0x80 | ((hash[8] ?? 0) & 0x3f);
  const hex = hash.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
