import { Type } from 'typebox';
import { after, type Clock, DAY, HOUR, MINUTE, SECOND } from '../../platform/clock.ts';
import { CODE_TTL } from '../../platform/crypto/one-time.ts';
import { describeDevice } from '../../platform/http/device.ts';
import { type Mailer, MailRefused } from '../../platform/mail/mail.ts';
import { defineJob } from '../../platform/queue/define-job.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';
import { JobGivenUp } from '../../platform/queue/run-attempt.ts';
import type { EventRecord, EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { ChallengeStore } from './challenge-store.ts';
import { INVITATION_TTL, type Invitations } from './invitations.ts';
import type { MailText } from './mail-layout.ts';
import { type Mails, mailsIn } from './mails.ts';
import { type Passwords, RESET_TTL } from './passwords.ts';
import type { Registrations } from './registration.ts';
import type { RegistrationStore } from './registration-store.ts';

/** How many reset links one address is mailed in an hour of the clock. */
const RESETS_AN_HOUR = 5;
const CODE_MINUTES = CODE_TTL / MINUTE;

/** A mail server may be away for days: some 300 attempts are three of them. */
const PATIENCE = { retries: 300, backoff: { base: 2 * SECOND, max: 15 * MINUTE }, timeout: 2 * MINUTE };

/** A mail, once it is decided who gets it. Null: nobody any more. */
type Letter = { to: string | null; content: MailText } | null;

interface MailKind {
  /** Names one of several mails of an event. */
  name: string;
  /** Whether an event of its type means it at all, as far as the event itself tells. */
  when?: (event: EventRecord) => boolean;
  write(event: EventRecord): Promise<Letter>;
}

/**
 * The mails that follow from what happened to accounts. A job names the event and nothing else: the mail is made when it is sent, so that
 * no code, token or address lies in a queue. Which mail an address gets is decided there, off the request: nobody can see it there.
 */
export function registerMailJobs(deps: {
  events: Events;
  jobs: Jobs;
  mailer: Mailer;
  eventStore: EventStore;
  registrationStore: RegistrationStore;
  challengeStore: ChallengeStore;
  userStore: UserStore;
  users: Users;
  registrations: Registrations;
  passwords: Passwords;
  invitations: Invitations;
  publicUrl: string;
  /** Milliseconds for which a deleted account can be restored. */
  gracePeriod: number;
  clock: Clock;
}): void {
  const { events, jobs, mailer, eventStore, registrationStore, challengeStore, userStore } = deps;
  const { users, registrations, passwords, invitations, publicUrl, clock } = deps;

  const idOf = (event: EventRecord) => event.target.slice(event.target.indexOf(':') + 1);
  const where = (event: EventRecord) => ({
    at: event.at,
    ip: event.ip ?? '',
    device: event.device ? describeDevice(event.device) : '',
    country: typeof event.data.country === 'string' ? event.data.country : null,
  });

  /** A mail to one user, who may be gone by then. */
  function toUser(
    write: (mails: Mails, event: EventRecord, user: UserRecord) => MailText | null,
  ): (event: EventRecord) => Promise<Letter> {
    return async (event) => {
      const user = event.userId === null ? null : await userStore.find(event.userId);
      const content = user && write(mailsIn(user.locale), event, user);
      return content && { to: user.email, content };
    };
  }

  async function codeLetter(event: EventRecord): Promise<Letter> {
    const registration = await registrationStore.find(idOf(event));
    if (!registration || registration.sentAt.length === 0 || registration.codeExpiresAt <= clock()) return null;
    const code = await registrations.codeOf(registration);
    if (code === null) return null;
    const known = await userStore.findByEmail(registration.emailNorm);
    if (known) return { to: known.email, content: mailsIn(known.locale).addressKnown({ signInUrl: publicUrl }) };
    const mails = mailsIn(registration.locale);
    const content = mails.verificationCode({ code, expiresMinutes: CODE_MINUTES, name: registration.fullName });
    return { to: registration.email, content };
  }

  async function resetLetter(event: EventRecord): Promise<Letter> {
    const challenge = await challengeStore.find(idOf(event));
    if (!challenge || challenge.expiresAt <= clock()) return null;
    const user = await userStore.findByEmail(challenge.emailNorm);
    if (user?.status !== 'active') return null;
    const { id, purpose, emailNorm, createdAt } = challenge;
    // The first of each hour of the clock, however many follow: what strangers ask for must not keep the owner from their link.
    const hour = after(createdAt, -(createdAt.getTime() % HOUR));
    if ((await challengeStore.countSince(purpose, emailNorm, hour, id)) > RESETS_AN_HOUR) return null;
    const token = passwords.resetToken(challenge, user);
    if (token === null) return null;
    const url = `${publicUrl}/reset-password#token=${token}`;
    return { to: user.email, content: mailsIn(user.locale).resetLink({ url, expiresMinutes: RESET_TTL / MINUTE }) };
  }

  async function emailChangeLetter(event: EventRecord): Promise<Letter> {
    const user = event.userId === null ? null : await userStore.find(event.userId);
    const waiting = user?.emailChange;
    if (!user || !waiting || waiting.id !== event.data.challengeId || waiting.expiresAt <= clock()) return null;
    const owner = await userStore.findByEmail(waiting.emailNorm);
    const code = users.emailChangeCode(user.id, waiting);
    if (code === null) return null;
    if (owner !== null && owner.id !== user.id) {
      return { to: waiting.email, content: mailsIn(owner.locale).emailChangeTaken() };
    }
    const content = mailsIn(user.locale).emailChangeCode({ code, expiresMinutes: CODE_MINUTES });
    return { to: waiting.email, content };
  }

  /** To the old address, or to the new one. */
  const emailChangedLetter =
    (which: 'before' | 'after') =>
    async (event: EventRecord): Promise<Letter> => {
      const [from, to] = [emailIn(event.data.before), emailIn(event.data.after)];
      const user = event.userId === null ? null : await userStore.find(event.userId);
      if (!user || from === null || to === null || from === to) return null;
      const mails = mailsIn(user.locale);
      if (which === 'before') return { to: from, content: mails.emailChanged({ newEmail: to, ...where(event) }) };
      // Who has not accepted an invitation yet has nothing to sign in to: the new address gets a link of its own.
      return user.invitation ? null : { to, content: mails.emailChangedNew(where(event)) };
    };

  const invitationLetter = toUser((mails, event, user) => {
    const token = user.invitation?.id === event.data.invitationId ? invitations.token(user) : null;
    if (token === null || user.status !== 'active') return null;
    const url = `${publicUrl}/accept-invitation#token=${token}`;
    return mails.invitation({ url, expiresDays: INVITATION_TTL / DAY, name: user.fullName });
  });

  const mail = (write: MailKind['write'], rest: Partial<MailKind> = {}): MailKind => ({ name: 'mail', write, ...rest });
  const code = mail(codeLetter);
  const passwordChanged = mail(toUser((mails, event) => mails.passwordChanged(where(event))));
  const restorableUntil = (event: EventRecord) => after(event.at, deps.gracePeriod);

  const MAILS: Record<string, MailKind[]> = {
    'registration.started': [code],
    'registration.code_resent': [code],
    'password_reset.requested': [mail(resetLetter)],
    'user.registered': [mail(toUser((mails, _event, user) => mails.welcome({ name: user.fullName, url: publicUrl })))],
    'user.email_change_requested': [mail(emailChangeLetter)],
    'user.email_changed': [
      mail(emailChangedLetter('before'), { name: 'old-address' }),
      mail(emailChangedLetter('after'), { name: 'new-address' }),
    ],
    'user.password_changed': [passwordChanged],
    'user.password_reset': [passwordChanged],
    'user.temporary_password_set': [passwordChanged],
    'user.invited': [mail(invitationLetter)],
    'user.deleted': [mail(toUser((mails, event) => mails.accountDeleted({ restorableUntil: restorableUntil(event) })))],
    'user.sign_in_blocked': [mail(toUser((mails, event) => mails.signInBlocked(where(event))))],
    'session.started': [
      mail(
        toUser((mails, event) => mails.newDevice(where(event))),
        { when: (event) => event.data.newDevice === true },
      ),
    ],
    'session.reuse_detected': [mail(toUser((mails, event) => mails.sessionKilled(where(event))))],
  };

  const send = jobs.register(
    defineJob({
      name: 'mail.send',
      schema: Type.Object({ eventId: Type.String(), mail: Type.String() }, { additionalProperties: false }),
      ...PATIENCE,
      concurrency: 4,
      async run({ eventId, mail: name }, { signal }) {
        const event = await eventStore.find(eventId);
        const kind = event && MAILS[event.type]?.find((known) => known.name === name);
        const letter = (kind && (await kind.write(event))) ?? null;
        // The code has expired, the link was replaced, the user is gone.
        if (letter === null || letter.to === null) return { sent: false };
        try {
          await mailer.send({ ...letter.content, to: letter.to, key: `${eventId} ${name}` }, { signal });
        } catch (error) {
          throw error instanceof MailRefused ? new JobGivenUp(wordsOf(error)) : new Error(wordsOf(error));
        }
        return { sent: true };
      },
    }),
  );

  for (const [type, kinds] of Object.entries(MAILS)) {
    for (const { name, when } of kinds) {
      events.on(type, name, async (event) => {
        if (when && !when(event)) return;
        await send.enqueue({ eventId: event.id, mail: name }, { key: `${event.id} ${name}`, promised: true });
      });
    }
  }
}

/** Mail servers quote: the recipient, and what they dislike, be it a link that lets in. So: addresses, tokens, codes. */
const QUOTED = /[^\s<>]+@[^\s<>]+|#token=\S+|\b\d{6}\b/g;

/** What went wrong, without whom it was for: a failure is kept, shown to administrators, and outlives an erasure. */
function wordsOf(error: unknown): string {
  const { message, cause } = error as Error;
  return (cause instanceof Error ? `${message} ${cause.message}` : message).replace(QUOTED, '…');
}

/** The address in one half of what a change was. */
function emailIn(half: unknown): string | null {
  const { email } = (half ?? {}) as { email?: unknown };
  return typeof email === 'string' ? email : null;
}
