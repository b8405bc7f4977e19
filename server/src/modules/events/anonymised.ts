import type { EventRecord } from './event-store.ts';

/** What stays of the history of an erased user: that something happened, to what, by whom and when. */
type Kept = 'id' | 'type' | 'version' | 'target' | 'seq' | 'userId' | 'actorId' | 'at' | 'requestId';

/** Of which something may stay, see `EventStore.anonymise`. */
type Judged = 'data';

/** From where they acted, made of nothing. A field that is new in events does not compile until it stands here or in a list above. */
export const NOWHERE = { ip: null, device: null } as const satisfies {
  readonly [Field in Exclude<keyof EventRecord, Kept | Judged>]-?: EventRecord[Field];
};
