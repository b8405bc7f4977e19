import type { KeyRecord, KeyUse } from './key-store.ts';

export const KEY_USES = ['sig', 'enc'] as const satisfies readonly KeyUse[];

export type KeyStatus = 'next' | 'active' | 'retired';

export interface KeyLink {
  key: KeyRecord;
  status: KeyStatus;
  /** When its successor was activated. */
  retiredAt: Date | null;
}

/** The keys of one use, ordered by place. */
export interface KeyChain {
  links: KeyLink[];
  next: KeyRecord | null;
  active: KeyRecord | null;
  /** The place of a new key. */
  freePlace: number;
}

/**
 * The status of each key. The activated key in the highest place is active, the one after it is next, and all before it are retired.
 * So there is never more than one active key, and activating the next one retires it in the same write, independent of clocks.
 */
export function chainOf(keys: readonly KeyRecord[], use: KeyUse): KeyChain {
  const ours = keys.filter((key) => key.use === use).sort((a, b) => a.place - b.place);
  const active = ours.findLast(({ activatedAt }) => activatedAt !== null) ?? null;
  const links = ours.map((key): KeyLink => {
    if (key === active) return { key, status: 'active', retiredAt: null };
    if (!active || key.place > active.place) return { key, status: 'next', retiredAt: null };
    const successor = ours.find(({ place, activatedAt }) => place > key.place && activatedAt !== null);
    return { key, status: 'retired', retiredAt: successor?.activatedAt ?? null };
  });
  const next = links.find(({ status }) => status === 'next')?.key ?? null;
  return { links, next, active, freePlace: (ours.at(-1)?.place ?? 0) + 1 };
}
