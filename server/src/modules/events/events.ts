import { type Clock, MINUTE } from '../../platform/clock.ts';
import { countryOf } from '../../platform/geo/country.ts';
import { type Caller, OPERATOR, subjectOf } from '../../platform/http/caller.ts';
import { parseDevice } from '../../platform/http/device.ts';
import { newId } from '../../platform/ids.ts';
import type { EventDraft, EventRecord } from './event-store.ts';
import { secretField } from './secret-fields.ts';

/** Told of an event at least once, in order for each target. Must be safe to run twice. */
export type EventHandler = (event: EventRecord) => Promise<void>;

export interface NamedHandler {
  name: string;
  handle: EventHandler;
}

export interface EventInput {
  type: string;
  target: string;
  /** In whose own history it appears. */
  userId?: string | null;
  /** Default: the subject that calls. */
  actorId?: string | null;
  data?: Record<string, unknown>;
  /** True where instances remember something of the target that this makes untrue. */
  evicts?: boolean;
}

export interface Events {
  /** The draft that a verb carries. Throws a TypeError where a field of its data is named like a secret: events are kept, and shown. */
  describe(caller: Caller | null, input: EventInput): EventDraft;
  /** Registers a handler; once, at start, before the first event is made. */
  on(type: string, name: string, handle: EventHandler): void;
  handlersOf(type: string): readonly NamedHandler[];
  /** What there are handlers for. */
  handledTypes(): string[];
}

/** How old an undelivered event may become before its handlers are given up, and that is logged. */
export const GIVE_UP_AFTER = 3 * 24 * 60 * MINUTE;

/** The making of events, and the list of who wants to hear of them. */
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

/** By which credential, where it was not a session of their own. */
function via(caller: Caller | null): { via?: string } {
  const actor = caller?.actor;
  if (!actor || actor === OPERATOR || actor.via.kind === 'session') return {};
  return { via: `${actor.via.kind}:${actor.via.id}` };
}
