import { after, DAY } from '../../platform/clock.ts';
import type { Subject } from '../../platform/http/caller.ts';
import type { ApiKeyRecord } from './api-key-store.ts';
import type { KeyKind } from './key-format.ts';

/** Live keys of one subject. Two requests at once may make one more: nothing rests on the exact number. */
export const KEY_LIMIT = 50;
/** The longest time for which a rotated key still works. */
export const LONGEST_OVERLAP = 7 * DAY;
/** Networks that a key is remembered in; the owners of one that comes from more are told nothing by further ones. */
export const NETWORKS_KEPT = 50;
/** Milliseconds that an expired key is kept for its history. */
export const KEYS_KEPT = 90 * DAY;

/** Days before the end of a key at which its owners are told. */
const REMINDERS = [14, 3, 1];

/** When the owners are to be told next that a key ends; null: not any more. */
export function nextReminder(expiresAt: Date, now: Date): Date | null {
  return REMINDERS.map((days) => after(expiresAt, -days * DAY)).find((at) => at > now) ?? null;
}

/** What evicts a key. `key:` is of signing keys. */
export const targetOfKey = (id: string): string => `api_key:${id}`;
export const targetOfAccount = (id: string): string => `service_account:${id}`;

/** Whom a key speaks for. */
export function subjectOfKey({ kind, subjectId }: Pick<ApiKeyRecord, 'kind' | 'subjectId'>): Subject {
  return { kind: kindOfSubject(kind), id: subjectId };
}

const kindOfSubject = (kind: KeyKind): Subject['kind'] => (kind === 'pat' ? 'person' : 'service');
