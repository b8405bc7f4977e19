import { type Clock, MINUTE } from '../../platform/clock.ts';
import { countryOf } from '../../platform/geo/country.ts';
import { type Caller, OPERATOR, subjectOf } from '../../platform/http/caller.ts';
import { parseDevice } from '../../platform/http/device.ts';
import { newId } from '../../platform/ids.ts';
import type { EventDraft, EventRecord } from './event-store.ts';
import { secretField } from './secret-fields.ts';

/** Called for an event at least once, in order for each target. Must be safe to run twice. */
export type EventHandler = (event: EventRecord) => Promise<void>;

export interface NamedHandler {
  name: string;
  handle: EventHandler;
}

export interface EventInput {
  type: string;
  target: string;
  /** The user in whose own history it appears. */
  userId?: string | null;
  /** Default: the subject that calls. */
  actorId?: string | null;
  data?: Record<string, unknown>;
  /** True if it makes something that instances remember of the target out of date. */
  evicts?: boolean;
}

export interface Events {
  /** The draft for a verb: `users.setPassword(change, [events.describe(caller, input)])`. Throws a TypeError if a field of its data is named
   * like a secret: events are stored and shown. */
  describe(caller: Caller | null, input: EventInput): EventDraft;
  /** Registers a handler; once, at start, before the first event is made. */
  on(type: string, name: string, handle: EventHandler): void;
  handlersOf(type: string): readonly NamedHandler[];
  /** The event types that have handlers. */
  handledTypes(): string[];
}

/** Age at which the relay gives up on the handlers of an undelivered event, and logs that. */
export const GIVE_UP_AFTER = 3 * 24 * 60 * MINUTE;

/** Creates event drafts, and holds the list of handlers. */
export function createEvents({ clock }: { clock: Clock }): Events {
  const handlers = new Map<string, NamedHandler[]>();

  return {
    describe(caller, input) {
      const secret = secretField(input.data);
      if (secret !== null) throw new TypeError(`An event of type ${input.type} must not hold ${secret}.`);
      const at = clock();
      const country = caller?.ip ? countryOf(caller.ip) : null;
      return {
        id: newId(at),
        type: input.type,
        version: 1,
        target: input.target,
        userId: input.userId ?? null,
        actorId: input.actorId === undefined ? ((caller && subjectOf(caller)?.id) ?? null) : input.actorId,
        at,
        ip: caller?.ip || null,
        requestId: caller?.requestId || null,
        device: caller?.userAgent ? parseDevice(caller.userAgent) : null,
        data: { ...(country && { country }), ...input.data, ...via(caller) },
        pending: handlers.has(input.type),
        evicts: input.evicts ?? false,
      };
    },

    on(type, name, handle) {
      const known = handlers.get(type) ?? [];
      if (known.some((handler) => handler.name === name)) throw new TypeError(`${name} already handles ${type}.`);
      handlers.set(type, [...known, { name, handle }]);
    },

    handlersOf: (type) => handlers.get(type) ?? [],
    handledTypes: () => [...handlers.keys()],
  };
}

/** The credential, if it is not a session of their own. */
function via(caller: Caller | null): { via?: string } {
  const actor = caller?.actor;
  if (!actor || actor === OPERATOR || actor.via.kind === 'session') return {};
  return { via: `${actor.via.kind}:${actor.via.id}` };
}
