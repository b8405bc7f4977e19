import type { KeyRecord, KeyUse } from './key-store.ts';

export const KEY_USES = ['sig', 'enc'] as const satisfies readonly KeyUse[];

export type KeyStatus = 'next' | 'active' | 'retired';

export interface KeyLink {
  key: KeyRecord;
  status: KeyStatus;
  /** When the one after it was put to use. */
  retiredAt: Date | null;
}

/** The keys of one use, in the order of their places. */
export interface KeyChain {
  links: KeyLink[];
  next: KeyRecord | null;
  active: KeyRecord | null;
  /** Where a new one goes. */
  freePlace: number;
}

/**
 * What each key is. Active is the one in the highest place that was ever put to use, next is the one after it, retired is all before it.
 * So there is never more than one active key, and putting the next to use retires it in the same write, whatever the clocks say.
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
