import assert from 'node:assert/strict';
import type { EventDraft, PendingEvent } from '../src/modules/events/event-store.ts';
import { makeChallenge, makeEvent, makeUser, NOW } from './fixtures.ts';
import type { OpenStorage } from './store-contract.ts';

const EVERYTHING = 1_000_000;

/** Has a change written that carries an event with these fields, about a target of its own. */
export async function happen({ storage }: OpenStorage, fields: Partial<EventDraft> = {}): Promise<EventDraft> {
  const challenge = makeChallenge();
  const event = makeEvent(`challenge:${challenge.id}`, fields);
  await storage.challenges.create(challenge, event);
  return event;
}

/** Changes of one target, one after another, each with an event with the fields that it is given. */
export async function happenInTurn({ storage }: OpenStorage, all: Partial<EventDraft>[]): Promise<EventDraft[]> {
  const user = makeUser();
  const events = all.map((fields) => makeEvent(`user:${user.id}`, fields));
  for (const [version, event] of events.entries()) {
    const change = { sessionEpoch: version, keptSessionId: null };
    const outcome =
      version === 0
        ? await storage.users.insert(user, event)
        : await storage.users.endSessions({ id: user.id, version, now: NOW }, change, event);
    assert.equal(outcome, 'ok');
  }
  return events;
}

/** What may be claimed of one target; never more than one. */
export async function dueOf({ storage }: OpenStorage, target: string, now: Date): Promise<PendingEvent | null> {
  const due = (await storage.events.due(now, EVERYTHING)).filter((event) => event.target === target);
  assert.ok(due.length <= 1, 'only the earliest of a target');
  return due[0] ?? null;
}
