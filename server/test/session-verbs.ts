import type { EventDraft } from '../src/modules/events/event-store.ts';
import type { Rotation, SessionRecord, SessionStore } from '../src/modules/sessions/session-store.ts';
import { after, DAY } from '../src/platform/clock.ts';
import { LATER, makeEvent, makeHash } from './fixtures.ts';
import type { OpenStorage } from './store-contract.ts';

export const sessionTarget = (session: Pick<SessionRecord, 'id'>) => `session:${session.id}`;

/** The rotation that a client with the present token asks for. */
export function rotationOf(session: SessionRecord, fields: Partial<Rotation> = {}): Rotation {
  return {
    id: session.id,
    version: session.version,
    fromGeneration: session.generation,
    fromHash: session.tokenHash,
    toHash: makeHash(),
    nonce: `0a1b2c3d.${makeHash()}`,
    now: LATER,
    idleExpiresAt: after(LATER, 30 * DAY),
    refreshedBy: { browser: 'undici', os: null, kind: 'other' },
    ip: '198.51.100.9',
    network: '198.51.100.0/24',
    country: null,
    ...fields,
  };
}

/** What a rotation makes of a session. */
export function rotated(session: SessionRecord, by: Rotation): SessionRecord {
  const { now, toHash, fromHash, nonce, idleExpiresAt, refreshedBy, ip, network, country } = by;
  const chain = { tokenHash: toHash, previousHash: fromHash, rotationNonce: nonce, generationUsed: false };
  const seen = { rotatedAt: now, lastSeenAt: now, idleExpiresAt, refreshedBy, ip, network, country };
  return { ...session, ...chain, ...seen, generation: session.generation + 1, version: session.version + 1 };
}

/** What a further proof makes of a session. */
export const ELEVATION: Parameters<SessionStore['elevate']>[1] = {
  methods: [
    { method: 'email', at: LATER },
    { method: 'password', at: after(LATER, -1) },
  ],
  aal: 2,
  authTime: LATER,
  organizationId: null,
};

/** A sign-out. */
export const END = { endedAt: LATER, endReason: 'signed_out' };

/** The verbs that carry an event, each as it is called on a session, and what it makes of it. */
export const SESSION_VERBS = {
  rotate(session: SessionRecord) {
    const rotation = rotationOf(session);
    const act = (store: SessionStore, event: EventDraft) => store.rotate(rotation, event);
    return { act, becomes: rotated(session, rotation) };
  },
  elevate(session: SessionRecord) {
    const act = (store: SessionStore, event: EventDraft) => store.elevate(session, ELEVATION, event);
    return { act, becomes: { ...session, ...ELEVATION, version: session.version + 1 } };
  },
  end(session: SessionRecord) {
    const act = (store: SessionStore, event: EventDraft) => store.end(session, END, event);
    return { act, becomes: { ...session, ...END, version: session.version + 1 } };
  },
};

/** Creates a session together with an event. */
export async function createSession(
  { storage }: OpenStorage,
  session: SessionRecord,
): Promise<{ session: SessionRecord; began: EventDraft }> {
  const began = makeEvent(sessionTarget(session));
  await storage.sessions.create(session, began);
  return { session, began };
}
