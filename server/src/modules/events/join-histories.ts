import type { EventRecord, EventStore } from './event-store.ts';

/**
 * The events of several databases as one history: `joinHistories(main, others)`. What is recorded without a change goes to the main one. An event is
 * delivered, and moved out of its document, where it is: whoever does that takes the stores one by one. A list that lacks a database would look
 * complete, so each of these throws `unavailable` while one is away.
 */
export function joinHistories(main: EventStore, others: readonly EventStore[]): EventStore {
  if (others.length === 0) return main;
  const all = [main, ...others];
  const fromAll = async <T>(read: (history: EventStore) => Promise<T>) => Promise.all(all.map(read));

  return {
    ...main,

    async list(filter, { before, skip = 0, limit }) {
      // What one of them skips may be on this page, behind what others have.
      const pages = await fromAll((history) => history.list(filter, { before, limit: skip + limit }));
      return pages
        .flat()
        .sort(byIdDown)
        .slice(skip, skip + limit);
    },

    async count(filter, limit) {
      const counts = await fromAll((history) => history.count(filter, limit));
      return Math.min(
        limit,
        counts.reduce((sum, count) => sum + count, 0),
      );
    },

    async find(id) {
      for (const history of all) {
        const event = await history.find(id);
        if (event !== null) return event;
      }
      return null;
    },

    async listAfter(after, limit) {
      const lists = await fromAll((history) => history.listAfter(after, limit));
      return lists
        .flat()
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit);
    },

    async listForTarget(target) {
      // A target has one store, and so one database, unless its store has moved.
      const lists = await fromAll((history) => history.listForTarget(target));
      return lists.flat().sort((a, b) => a.seq - b.seq || -byIdDown(a, b));
    },

    async purge(filter, limit) {
      let removed = 0;
      for (const history of all) if (removed < limit) removed += await history.purge(filter, limit - removed);
      return removed;
    },

    async anonymise(userId) {
      for (const history of all) await history.anonymise(userId);
    },
  };
}

function byIdDown(a: EventRecord, b: EventRecord): number {
  return a.id < b.id ? 1 : -1;
}
