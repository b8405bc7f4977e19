import { Type } from 'typebox';
import { MINUTE, SECOND } from '../../platform/clock.ts';
import { describeDevice } from '../../platform/http/device.ts';
import { MailDeferred, type Mailer, MailRefused } from '../../platform/mail/mail.ts';
import { defineJob } from '../../platform/queue/define-job.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';
import { JobDeferred, JobGivenUp } from '../../platform/queue/run-attempt.ts';
import type { EventRecord, EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { UserStore } from '../users/user-store.ts';
import type { MailText } from './layout.ts';
import { type Mail, type Occasion, writeMail } from './mail.ts';

export interface Mails {
  /** Registers the mails of a module, all that its `mails.ts` exports: `mails.add(userMails, deps)`. Each `letter` receives `deps`. */
  add<Deps, All>(all: { [Name in keyof All]: Mail<Deps, All[Name]> }, deps: Deps): void;
}

/** A mail server may be unreachable for days: 300 retries take about three. */
const PATIENCE = { retries: 300, backoff: { base: 2 * SECOND, max: 15 * MINUTE }, timeout: 2 * MINUTE };

/** A registered mail, bound to its dependencies. */
interface Known {
  when(event: EventRecord): boolean;
  /** Null: nobody gets the mail. */
  write(event: EventRecord): Promise<(MailText & { to: string }) | null>;
}

/**
 * Sends the mails that modules declare, each after its event: `createMails({ ...ground, eventStore, userStore: storage.users, jobs,
 * mailer })`. A job names only the event and the mail, which is composed when it is sent, so that no code, token or address is in a queue.
 * Which mail an address gets is decided there, outside the request, so that neither an answer nor its time reveals it.
 */
export function createMails(deps: {
  events: Events;
  eventStore: EventStore;
  userStore: Pick<UserStore, 'find'>;
  jobs: Jobs;
  mailer: Mailer;
}): Mails {
  const { events, eventStore, userStore, jobs, mailer } = deps;
  /** Keyed by event type and mail name. */
  const known = new Map<string, Known[]>();
  const keyOf = (type: string, name: string) => `${type} ${name}`;
  const alternativesOf = (event: EventRecord, name: string) => known.get(keyOf(event.type, name)) ?? [];

  const occasionOf = (event: EventRecord): Occasion => ({
    event,
    targetId: event.target.slice(event.target.indexOf(':') + 1),
    owner: async () => (event.userId === null ? null : userStore.find(event.userId)),
    circumstances: {
      at: event.at,
      ip: event.ip ?? '',
      device: event.device ? describeDevice(event.device) : '',
      country: typeof event.data.country === 'string' ? event.data.country : null,
    },
  });

  async function write(event: EventRecord, name: string) {
    for (const alternative of alternativesOf(event, name)) {
      const written = await alternative.write(event);
      if (written) return written;
    }
    return null;
  }

  const send = jobs.register(
    defineJob({
      name: 'mail.send',
      schema: Type.Object({ eventId: Type.String(), mail: Type.String() }, { additionalProperties: false }),
      ...PATIENCE,
      concurrency: 4,
      async run({ eventId, mail: name }, { signal }) {
        const event = await eventStore.find(eventId);
        // The job is of another installation that shares this Redis, or the history was purged: somebody must know.
        if (!event) throw new JobGivenUp(`There is no event ${eventId} in this database.`);
        const written = await write(event, name);
        // Outdated: the code has expired, the link was replaced, or the user is gone.
        if (!written) return { sent: false };
        try {
          await mailer.send({ ...written, key: `${eventId} ${name}` }, { signal });
        } catch (error) {
          if (error instanceof MailRefused) throw new JobGivenUp(wordsOf(error));
          if (error instanceof MailDeferred) throw new JobDeferred(wordsOf(error), error.reason, error);
          throw new Error(wordsOf(error));
        }
        return { sent: true };
      },
    }),
  );

  function listen(type: string, name: string): void {
    events.on(type, name, async (event) => {
      if (!alternativesOf(event, name).some(({ when }) => when(event))) return;
      await send.enqueue({ eventId: event.id, mail: name }, { key: `${event.id} ${name}`, promised: true });
    });
  }

  function addOne<Deps, Values>({ on, name, when = () => true, letter, texts }: Mail<Deps, Values>, given: Deps): void {
    const one: Known = {
      when,
      async write(event) {
        const found = await letter(occasionOf(event), given);
        if (!found || found.to === null) return null;
        return { ...writeMail(texts, found.locale, found.values), to: found.to };
      },
    };
    for (const type of on) {
      const key = keyOf(type, name);
      const alternatives = known.get(key);
      if (alternatives) alternatives.push(one);
      else {
        known.set(key, [one]);
        listen(type, name);
      }
    }
  }

  return {
    add(all, given) {
      for (const name of Object.keys(all) as (keyof typeof all)[]) addOne(all[name], given);
    },
  };
}

/** Addresses, tokens and codes: an answer of a mail server may quote the recipient, or a link of the mail that signs in. */
const QUOTED = /[^\s<>]+@[^\s<>]+|#token=\S+|\b\d{6}(?:\d{2})?\b|\b(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}\b/g;

/** The error's text without recipients and secrets: it is stored, shown to administrators, and outlives an erasure. */
function wordsOf(error: unknown): string {
  const { message, cause } = error as Error;
  return (cause instanceof Error ? `${message} ${cause.message}` : message).replace(QUOTED, '…');
}
