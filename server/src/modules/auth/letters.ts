import { DAY } from '../../platform/clock.ts';
import type { Letter, Occasion } from '../mails/mail.ts';
import type { UserRecord } from '../users/user-store.ts';
import { INVITATION_TTL } from './invitations.ts';
import type { MailedSecret } from './mailed-proof.ts';
import type { AuthMailDeps } from './mails.ts';

/** What the mail of an invitation says. */
export interface InvitationValues {
  url: string;
  /** To type on `page`, if the link does not open the form. */
  code: string;
  page: string;
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
  const secret = user.status === 'active' && user.passwordHash === null ? deps.invitations.secret(user) : null;
  if (secret === null) return null;
  const link = linkTo(`${deps.pagesUrl}/accept-invitation`, secret);
  const values = { ...link, expiresDays: INVITATION_TTL / DAY, name: user.fullName };
  return { to: user.email, locale: user.locale, values };
}

/** A link whose token is in the fragment, which browsers do not send to servers; and the code for mail programs that cut it off. */
export function linkTo(page: string, { token, code }: MailedSecret): { url: string; code: string; page: string } {
  return { url: `${page}#token=${token}`, code, page };
}
