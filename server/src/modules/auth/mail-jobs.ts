import type { Logger } from 'pino';
import { after, type Clock, DAY, HOUR, MINUTE } from '../../platform/clock.ts';
import { CODE_TTL } from '../../platform/crypto/one-time.ts';
import { describeDevice } from '../../platform/http/device.ts';
import type { Mailer } from '../../platform/mail/mail.ts';
import { MailRefused } from '../../platform/mail/mail.ts';
import type { EventRecord } from '../events/event-store.ts';
import type { EventHandler, Events } from '../events/events.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { ChallengeStore } from './challenge-store.ts';
import { INVITATION_TTL, type Invitations } from './invitations.ts';
import type { MailText } from './mail-layout.ts';
import * as mails from './mails.ts';
import { type Passwords, RESET_TTL } from './passwords.ts';
import type { Registrations } from './registration.ts';
import type { RegistrationStore } from './registration-store.ts';

/** How many reset links one address is mailed in an hour of the clock. */
const RESETS_AN_HOUR = 5;
const RESTORABLE_DAYS = 30;
const CODE_MINUTES = CODE_TTL / MINUTE;

/**
 * The mails that follow from what happened to accounts: sent at least once for each event, made when they are sent, so that no code or
 * token is ever stored. Which mail an address gets is decided here, off the request: nobody can see it there.
 */
export function registerMailHandlers(deps: {
  events: Events;
  mailer: Mailer;
  registrationStore: RegistrationStore;
  challengeStore: ChallengeStore;
  userStore: UserStore;
  users: Users;
  registrations: Registrations;
  passwords: Passwords;
  invitations: Invitations;
  publicUrl: string;
  clock: Clock;
  log: Logger;
}): void {
  const { events, mailer, registrationStore, challengeStore, userStore, users, registrations, passwords } = deps;
  const { invitations, publicUrl, clock, log } = deps;

  const idOf = (event: EventRecord) => event.target.slice(event.target.indexOf(':') + 1);
  const where = (event: EventRecord) => ({
    at: event.at,
    ip: event.ip ?? 'an unknown address',
    device: event.device ? describeDevice(event.device) : 'an unknown device',
    country: typeof event.data.country === 'string' ? event.data.country : null,
  });

  async function send(event: EventRecord, to: string | null, content: MailText): Promise<void> {
    if (to === null) return;
    try {
      await mailer.send({ ...content, to, key: event.id });
    } catch (error) {
      if (!(error instanceof MailRefused)) throw error;
      // Trying again would be of no use, and would hold up what comes after it.
      log.warn({ err: error, eventId: event.id, eventType: event.type }, 'a mail was refused for good');
    }
  }

  /** Handlers about one user, who may be gone by then. */
  function aboutUser(handle: (event: EventRecord, user: UserRecord) => Promise<void>): EventHandler {
    return async (event) => {
      const user = event.userId === null ? null : await userStore.find(event.userId);
      if (user) await handle(event, user);
    };
  }

  async function mailCode(event: EventRecord): Promise<void> {
    const registration = await registrationStore.find(idOf(event));
    if (!registration || registration.sentAt.length === 0 || registration.codeExpiresAt <= clock()) return;
    const code = await registrations.codeOf(registration);
    if (code === null) return;
    const known = await userStore.findByEmail(registration.emailNorm);
    const content = known
      ? mails.addressKnown({ signInUrl: publicUrl })
      : mails.verificationCode({ code, expiresMinutes: CODE_MINUTES, name: registration.fullName });
    await send(event, known?.email ?? registration.email, content);
  }

  async function mailResetLink(event: EventRecord): Promise<void> {
    const challenge = await challengeStore.find(idOf(event));
    if (!challenge || challenge.expiresAt <= clock()) return;
    const user = await userStore.findByEmail(challenge.emailNorm);
    if (user?.status !== 'active') return;
    const { id, purpose, emailNorm, createdAt } = challenge;
    // The first of each hour of the clock, however many follow: what strangers ask for must not keep the owner from their link.
    const hour = after(createdAt, -(createdAt.getTime() % HOUR));
    if ((await challengeStore.countSince(purpose, emailNorm, hour, id)) > RESETS_AN_HOUR) return;
    const token = passwords.resetToken(challenge, user);
    if (token === null) return;
    const url = `${publicUrl}/reset-password#token=${token}`;
    await send(event, user.email, mails.resetLink({ url, expiresMinutes: RESET_TTL / MINUTE }));
  }

  const mailEmailChange = aboutUser(async (event, user) => {
    const waiting = user.emailChange;
    if (!waiting || waiting.id !== event.data.challengeId || waiting.expiresAt <= clock()) return;
    const owner = await userStore.findByEmail(waiting.emailNorm);
    const isFree = owner === null || owner.id === user.id;
    const code = users.emailChangeCode(user.id, waiting);
    if (code === null) return;
    const content = isFree ? mails.emailChangeCode({ code, expiresMinutes: CODE_MINUTES }) : mails.emailChangeTaken();
    await send(event, waiting.email, content);
  });

  const mailEmailChanged = aboutUser(async (event) => {
    const [from, to] = [emailIn(event.data.before), emailIn(event.data.after)];
    if (from === null || to === null || from === to) return;
    await send(event, from, mails.emailChanged({ newEmail: to, ...where(event) }));
  });

  const mailInvitation = aboutUser(async (event, user) => {
    const token = user.invitation?.id === event.data.invitationId ? invitations.token(user) : null;
    if (token === null || user.status !== 'active') return;
    const url = `${publicUrl}/accept-invitation#token=${token}`;
    await send(event, user.email, mails.invitation({ url, expiresDays: INVITATION_TTL / DAY, name: user.fullName }));
  });

  const mailNewDevice = aboutUser(async (event, user) => {
    if (event.data.newDevice === true) await send(event, user.email, mails.newDevice(where(event)));
  });

  const mailPasswordChanged = aboutUser((event, user) => send(event, user.email, mails.passwordChanged(where(event))));

  events.on('registration.started', 'mail', mailCode);
  events.on('registration.code_resent', 'mail', mailCode);
  events.on('password_reset.requested', 'mail', mailResetLink);
  events.on(
    'user.registered',
    'mail',
    aboutUser((event, user) => send(event, user.email, mails.welcome({ name: user.fullName }))),
  );
  events.on('user.registered', 'registration', (event) => registrationStore.remove(idOf(event)));
  events.on('user.email_change_requested', 'mail', mailEmailChange);
  events.on('user.email_changed', 'mail', mailEmailChanged);
  events.on('user.password_changed', 'mail', mailPasswordChanged);
  events.on('user.password_reset', 'mail', mailPasswordChanged);
  events.on('user.temporary_password_set', 'mail', mailPasswordChanged);
  events.on('user.invited', 'mail', mailInvitation);
  events.on(
    'user.deleted',
    'mail',
    aboutUser((event, user) =>
      send(event, user.email, mails.accountDeleted({ restorableUntil: after(event.at, RESTORABLE_DAYS * DAY) })),
    ),
  );
  events.on('session.started', 'mail', mailNewDevice);
  events.on(
    'session.started',
    'last-login',
    aboutUser((event, user) => userStore.noteLogin(user.id, event.at)),
  );
  events.on(
    'session.reuse_detected',
    'mail',
    aboutUser((event, user) => send(event, user.email, mails.sessionKilled(where(event)))),
  );
}

/** The address in one half of what a change was. */
function emailIn(half: unknown): string | null {
  const { email } = (half ?? {}) as { email?: unknown };
  return typeof email === 'string' ? email : null;
}
