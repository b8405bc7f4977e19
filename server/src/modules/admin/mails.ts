import { after } from '../../platform/clock.ts';
import type { Mail, Occasion } from '../mails/mail.ts';
import { maskEmail } from '../users/names.ts';
import type { UserRecord } from '../users/user-store.ts';
import { type EmailMoves, STOPPABLE_FOR } from './email-moves.ts';

export interface AdminMailDeps {
  moves: Pick<EmailMoves, 'stopToken'>;
  publicUrl: string;
}

interface Move {
  newEmail: string;
  /** When it takes effect, or until when it can be stopped. */
  until: Date;
  url: string;
}

/** The user whose move an event tells of, with the link that stops it; null if the move is over. */
async function moveOf(
  { event, owner }: Occasion,
  { moves, publicUrl }: AdminMailDeps,
): Promise<{ user: UserRecord; url: string } | null> {
  const user = await owner();
  if (!user || user.emailMove?.id !== event.data.moveId) return null;
  const token = moves.stopToken(user);
  return token === null ? null : { user, url: `${publicUrl}/stop-email-change#token=${token}` };
}

/** Sent to the OLD address while a new one from an administrator waits. Masks the new one. */
export const emailMoveWaits: Mail<AdminMailDeps, Move> = {
  on: ['user.email_move_requested'],
  name: 'old-address',
  async letter(occasion, deps) {
    const found = await moveOf(occasion, deps);
    const move = found?.user.emailMove;
    if (!found || !move) return null;
    const { user, url } = found;
    return { to: user.email, locale: user.locale, values: { newEmail: move.email, until: move.dueAt, url } };
  },
  texts: {
    en: ({ newEmail, until, url }, { hello, time }) => ({
      subject: 'Your e-mail address will be changed',
      blocks: [
        hello(),
        {
          says: 'an administrator of this service gave your account another e-mail address. Until then it keeps this one:',
        },
        {
          facts: [
            ['New address', maskEmail(newEmail)],
            ['Takes effect', time(until)],
          ],
        },
        { says: 'If you know of this, you do not need to do anything. Otherwise stop it here before that time:' },
        { link: url, label: 'Stop the change' },
      ],
    }),
    zh: ({ newEmail, until, url }, { hello, time }) => ({
      subject: '您的邮箱地址将被更改',
      blocks: [
        hello(),
        { says: '本服务的管理员为您的账号设置了另一个邮箱地址。在生效之前，您的账号仍使用此地址：' },
        {
          facts: [
            ['新地址', maskEmail(newEmail)],
            ['生效时间', time(until)],
          ],
        },
        { says: '如果您知晓此更改，则无需任何操作。否则请在生效之前在此阻止：' },
        { link: url, label: '阻止更改' },
      ],
    }),
  },
};

/** Sent to the OLD address where a new one from an administrator took effect at once. Masks the new one. */
export const emailMoved: Mail<AdminMailDeps, Move & { at: Date }> = {
  on: ['user.email_changed'],
  name: 'old-address',
  when: ({ data }) => data.moveId !== undefined,
  async letter(occasion, deps) {
    const found = await moveOf(occasion, deps);
    const { email: to } = (occasion.event.data.before ?? {}) as { email?: string | null };
    const move = found?.user.emailMove;
    if (!found || !move || !to) return null;
    const { user, url } = found;
    const until = after(move.dueAt, STOPPABLE_FOR);
    return { to, locale: user.locale, values: { newEmail: move.email, at: move.dueAt, until, url } };
  },
  texts: {
    en: ({ at, newEmail, until, url }, { hello, time }) => ({
      subject: 'An administrator changed your e-mail address',
      blocks: [
        hello(),
        { says: 'an administrator of this service gave your account another e-mail address.' },
        {
          facts: [
            ['New address', maskEmail(newEmail)],
            ['Time', time(at)],
          ],
        },
        {
          says: `If you know of this, you do not need to do anything. Otherwise lock the account here until ${time(until)}: nobody can sign in until an administrator has looked into it.`,
        },
        { link: url, label: 'Lock the account' },
      ],
    }),
    zh: ({ at, newEmail, until, url }, { hello, time }) => ({
      subject: '管理员更改了您的邮箱地址',
      blocks: [
        hello(),
        { says: '本服务的管理员为您的账号设置了另一个邮箱地址。' },
        {
          facts: [
            ['新地址', maskEmail(newEmail)],
            ['时间', time(at)],
          ],
        },
        {
          says: `如果您知晓此更改，则无需任何操作。否则请在 ${time(until)} 之前在此锁定账号：在管理员查明情况之前，任何人都无法登录。`,
        },
        { link: url, label: '锁定账号' },
      ],
    }),
  },
};
