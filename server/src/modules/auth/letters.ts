import { DAY } from '../../platform/clock.ts';
import type { Letter, Occasion } from '../mails/mail.ts';
import type { UserRecord } from '../users/user-store.ts';
import { INVITATION_TTL } from './invitations.ts';
import type { AuthMailDeps } from './mails.ts';

/** What the mail of an invitation says. */
export interface InvitationValues {
  url: string;
  expiresDays: number;
  name?: string | null;
}

/** A registration that waits for its code, that code, and the user who has its address already. Null if no mail is due. */
export async function waitingRegistration({ targetId }: Occasion, deps: AuthMailDeps) {
  const registration = await deps.registrationStore.find(targetId);
  if (!registration || registration.sentAt.length === 0 || registration.codeExpiresAt <= deps.clock()) return null;
  const code = deps.registrations.codeOf(registration);
  if (code === null) return null;
  return { registration, code, known: await deps.userStore.findByEmail(registration.emailNorm) };
}

/** The invitation of a user, whose link is derived; null if none is valid. */
export function invitationLetter(user: UserRecord, deps: AuthMailDeps): Letter<InvitationValues> | null {
  const token = user.status === 'active' && user.passwordHash === null ? deps.invitations.token(user) : null;
  if (token === null) return null;
  const url = `${deps.publicUrl}/accept-invitation#token=${token}`;
  return {
    to: user.email,
    locale: user.locale,
    values: { url, expiresDays: INVITATION_TTL / DAY, name: user.fullName },
  };
}
