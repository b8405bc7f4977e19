import { Type } from 'typebox';
import { MINUTE, SECOND } from '../../platform/clock.ts';
import { describeDevice } from '../../platform/http/device.ts';
import { type Mailer, MailRefused } from '../../platform/mail/mail.ts';
import { defineJob } from '../../platform/queue/define-job.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';
import { JobGivenUp } from '../../platform/queue/run-attempt.ts';
import type { EventRecord, EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { UserStore } from '../users/user-store.ts';
import type { MailText } from './layout.ts';
import { type Mail, type Occasion, writeMail } from './mail.ts';

export interface Mails {
  /** Sends the mails of a module from now on: all that its `mails.ts` exports. `deps`: what they are given. */
  add<Deps, All>(all: { [Name in keyof All]: Mail<Deps, All[Name]> }, deps: Deps): void;
}

/** A mail server may be away for days: some 300 attempts are three of them. */
const PATIENCE = { retries: 300, backoff: { base: 2 * SECOND, max: 15 * MINUTE }, timeout: 2 * MINUTE };

/** A mail with what it needs. */
interface Known {
  when(event: EventRecord): boolean;
  /** Null: nobody gets it. */
  write(event: EventRecord): Promise<(MailText & { to: string }) | null>;
}

/**
 * Sends the mails that modules declare, each after its event. A job names the event and nothing else: the mail is made when it is sent, so
 * that no code, token or address lies in a queue. Which mail an address gets is decided there, off the request: nobody can see it there.
 */
export function createMails(deps: {
  events: Events;
  eventStore: EventStore;
  userStore: Pick<UserStore, 'find'>;
  jobs: Jobs;
  mailer: Mailer;
}): Mails {
  const { events, eventStore, userStore, jobs, mailer } = deps;
  /** By type of event and name. */
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
        const written = event && (await write(event, name));
        // The code has expired, the link was replaced, the user is gone.
        if (!written) return { sent: false };
        try {
          await mailer.send({ ...written, key: `${eventId} ${name}` }, { signal });
        } catch (error) {
          throw error instanceof MailRefused ? new JobGivenUp(wordsOf(error)) : new Error(wordsOf(error));
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

/** Mail servers quote: the recipient, and what they dislike, be it a link that lets in. So: addresses, tokens, codes. */
const QUOTED = /[^\s<>]+@[^\s<>]+|#token=\S+|\b\d{6}\b/g;

/** What went wrong, without whom it was for: a failure is kept, shown to administrators, and outlives an erasure. */
function wordsOf(error: unknown): string {
  const { message, cause } = error as Error;
  return (cause instanceof Error ? `${message} ${cause.message}` : message).replace(QUOTED, '…');
}
