import type { Logger } from 'pino';
import { after, type Clock, DAY, MINUTE } from '../../platform/clock.ts';
import type { Caller, Origin } from '../../platform/http/caller.ts';
import { networkOf } from '../../platform/http/network.ts';
import type { Events } from '../events/events.ts';
import type { ApiKeyRecord, ApiKeyStore } from './api-key-store.ts';
import { actorOfKey, type KeyHolder, type KeyState } from './key-states.ts';
import { NETWORKS_KEPT, targetOfKey } from './names.ts';

/** How often a use is written at most, and how often owners are told of one kind of surprise. */
const NOTED_EVERY = MINUTE;
const TOLD_EVERY = DAY;
const AGENT_LENGTH = 200;
/** Addresses of a key that a process remembers; then it begins anew. */
const IPS_KEPT = 1000;

export interface KeyUses {
  /** Notes an admitted request. Costs it nothing: what is to be written is written afterwards. */
  note(state: KeyState, holder: KeyHolder, from: Origin): void;
  /** Notes a request with a genuine, live key from an address outside of its networks: somebody may have copied it. */
  noteRefusal(state: KeyState, from: Origin): void;
}

/** Writes down how keys are used, off the requests. */
export function createKeyUses(deps: {
  store: ApiKeyStore;
  events: Events;
  /** How many are told of a key. */
  countOwners: (key: ApiKeyRecord) => Promise<number>;
  clock: Clock;
  log: Logger;
}): KeyUses {
  const { store, events, countOwners, clock, log } = deps;

  const later = (what: string, work: () => Promise<unknown>): void => {
    work().catch((error) => log.debug({ err: error }, `${what} failed`));
  };

  function describe(type: string, { record, subject }: KeyState, caller: Caller, data: Record<string, unknown>) {
    const userId = subject.kind === 'person' ? subject.id : null;
    const target = targetOfKey(record.id);
    return events.describe(caller, { type, target, userId, data: { name: record.name, ...data }, evicts: true });
  }

  const callerFrom = ({ ip, userAgent }: Origin, actor: Caller['actor']): Caller => ({
    actor,
    ip,
    userAgent,
    requestId: '',
  });

  async function noteNetwork(state: KeyState, holder: KeyHolder, from: Origin, network: string): Promise<void> {
    const { id, version, seenNetworks, networkToldAt: toldAt } = state.record;
    const now = clock();
    // Without the silence, a key of a farm of machines would mail its owners all day.
    const isTold = toldAt === null || toldAt <= after(now, -TOLD_EVERY);
    const owners = isTold ? await countOwners(state.record) : 0;
    const caller = callerFrom(from, actorOfKey(state, holder));
    const event = describe('api_key.used_from_new_network', state, caller, { network, owners });
    const change = { seenNetworks: [...seenNetworks, network], networkToldAt: isTold ? now : toldAt };
    // Where another write was faster, the next request tries again.
    if (!(await store.noteNetwork({ id, version, now }, change, event))) state.seenIps.delete(from.ip);
  }

  return {
    note(state, holder, from) {
      const now = clock();
      if (now.getTime() - state.notedAt >= NOTED_EVERY) {
        state.notedAt = now.getTime();
        const use = { at: now, ip: from.ip, agent: from.userAgent.slice(0, AGENT_LENGTH) };
        later('noting the use of a key', () => store.noteUse(state.record.id, use, after(now, -NOTED_EVERY)));
      }
      const { seenIps, record } = state;
      if (seenIps.has(from.ip)) return;
      if (seenIps.size >= IPS_KEPT) seenIps.clear();
      seenIps.add(from.ip);
      const network = networkOf(from.ip);
      if (record.seenNetworks.includes(network) || record.seenNetworks.length >= NETWORKS_KEPT) return;
      later('noting a network of a key', () =>
        noteNetwork(state, holder, from, network).catch((error) => {
          seenIps.delete(from.ip);
          throw error;
        }),
      );
    },

    noteRefusal(state, from) {
      const now = clock();
      const { record } = state;
      if (record.refusalToldAt !== null && record.refusalToldAt > after(now, -TOLD_EVERY)) return;
      // For this process, until what is remembered is evicted by the write.
      state.record = { ...record, refusalToldAt: now };
      later('noting a refused use of a key', async () => {
        let isNoted = false;
        try {
          const owners = await countOwners(record);
          const event = describe('api_key.network_refused', state, callerFrom(from, null), { owners });
          isNoted = await store.noteRefusal({ id: record.id, version: record.version, now }, now, event);
        } finally {
          // The next refusal tries again.
          if (!isNoted) state.record = record;
        }
      });
    },
  };
}
