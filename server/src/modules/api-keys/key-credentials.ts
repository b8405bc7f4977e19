import { LRUCache } from 'lru-cache';
import type { Clock } from '../../platform/clock.ts';
import type { Actor, Origin } from '../../platform/http/caller.ts';
import { clientKey } from '../../platform/http/client-address.ts';
import type { CredentialKind } from '../../platform/http/credential-kind.ts';
import { rateLimited } from '../../platform/http/limits.ts';
import type { Counters, Rate } from '../../platform/limits/counters.ts';
import type { ApiKeyRecord, ApiKeyStore } from './api-key-store.ts';
import { hashOfKey, KEY_FORM, type KeyKind, type ParsedKey, parseKey } from './key-format.ts';
import { actorOfKey, type KeyHolder, type KeyState, type KeyStates, whyDead } from './key-states.ts';
import type { KeyUses } from './key-use.ts';
import { subjectOfKey, targetOfKey } from './names.ts';

/** Keys that a process remembers to be genuine, and texts that it remembers to be none. */
const REMEMBERED = 20_000;
const REMEMBERED_WRONG = 5000;
/**
 * Keys with a right checksum that nobody has, from one client. Nobody mistypes so; each costs a query, which this bounds. A key that is
 * remembered is never kept waiting by it.
 */
const GUESSES: Rate = { name: 'key-guesses', points: 20, duration: 60, plainKeys: true };

type Found = { state: KeyState; holder: KeyHolder | null };

/** Whose keys are sent as `Authorization`. */
const SENT: ReadonlySet<KeyKind> = new Set(['pat', 'svc']);

/** Keys as credentials: `createKeyCredentials({ enabled: config.apiKeys.enabled, … })`. A request with a remembered one costs no query. */
export function createKeyCredentials(deps: {
  /** If false, no key is accepted. */
  enabled: boolean;
  states: KeyStates;
  uses: KeyUses;
  store: ApiKeyStore;
  /** Null: nothing is limited. */
  counters: Counters | null;
  clock: Clock;
}): CredentialKind {
  const { enabled, states, uses, store, clock } = deps;
  const guesses = deps.counters?.(GUESSES) ?? null;
  // By hash: neither memory holds a key. Of those in `genuine`, what their records say is looked at every time.
  const genuine = new LRUCache<string, string>({ maxSize: REMEMBERED, sizeCalculation: () => 1 });
  const wrong = new LRUCache<string, true>({ maxSize: REMEMBERED_WRONG, sizeCalculation: () => 1 });

  function decide(hash: string, state: KeyState, holder: KeyHolder | null, from: () => Origin): Actor | null {
    const now = clock();
    if (holder === null || !isPresent(hash, state.record, now)) return null;
    if (whyDead(state.record, holder, now) !== null) return null;
    const origin = from();
    if (!state.admits(origin.ip)) {
      uses.noteRefusal(state, origin);
      return null;
    }
    uses.note(state, holder, origin);
    return actorOfKey(state, holder);
  }

  /** The key of a token that is or was genuine. */
  async function find(token: string, hash: string): Promise<Found | null> {
    const parsed = wrong.has(hash) ? null : parseKey(token);
    if (parsed === null || !SENT.has(parsed.kind)) return null;
    const found = (await findGenuine(parsed, hash)) ?? (await findRotated(parsed, hash));
    if (found !== null) genuine.set(hash, parsed.id);
    // For ever: ids and secrets are random, so that no later key can be this one.
    else wrong.set(hash, true);
    return found;
  }

  async function findGenuine({ id, kind }: ParsedKey, hash: string): Promise<Found | null> {
    const found = await states.get(id);
    return found !== null && isGenuine(hash, kind, found.state.record) ? found : null;
  }

  /** What is remembered may be older than a rotation on another instance. */
  async function findRotated({ id, kind }: ParsedKey, hash: string): Promise<Found | null> {
    if (states.peek(id) === null) return null;
    const record = await store.find(id);
    if (record === null || !isGenuine(hash, kind, record)) return null;
    states.evict(targetOfKey(id));
    return states.get(id);
  }

  async function readSlowly(token: string, hash: string, from: () => Origin): Promise<Actor | null> {
    if (wrong.has(hash) || parseKey(token) === null) return null;
    const client = clientKey(from().ip);
    if (guesses !== null && (await guesses.used(client)) >= GUESSES.points) {
      throw rateLimited((await guesses.add(client)).resetIn);
    }
    const found = await find(token, hash);
    if (found !== null) return decide(hash, found.state, found.holder, from);
    await guesses?.add(client);
    return null;
  }

  return {
    kinds: ['key'],
    form: KEY_FORM,

    actorOf(token, from) {
      if (!enabled) return null;
      const hash = hashOfKey(token);
      const id = genuine.get(hash);
      const known = id === undefined ? null : states.peek(id);
      return known === null ? readSlowly(token, hash, from) : decide(hash, known.state, known.holder, from);
    },

    async pastIdOf(token) {
      if (!enabled) return null;
      const found = await find(token, hashOfKey(token));
      return found?.state.record.id ?? null;
    },

    async stillCounts({ via, subject }) {
      if (!enabled) return false;
      const key = await store.find(via.id);
      if (key === null) return false;
      const owner = subjectOfKey(key);
      if (owner.kind !== subject.kind || owner.id !== subject.id) return false;
      return whyDead(key, await states.findHolder(subject), clock()) === null;
    },
  };
}

/**
 * Whether a hash is that of this key now: of its secret, or of the former one while both work. Hashes of random secrets are compared as they
 * are: who learnt one by the time that it takes would know no secret.
 */
export function isPresent(hash: string, key: ApiKeyRecord, now: Date): boolean {
  if (hash === key.hash) return true;
  return hash === key.previousHash && key.previousUntil !== null && now < key.previousUntil;
}

/** Whether it is or was that of this key, as far as its record knows. */
function isGenuine(hash: string, kind: KeyKind, record: ApiKeyRecord): boolean {
  return record.kind === kind && (hash === record.hash || hash === record.previousHash);
}
