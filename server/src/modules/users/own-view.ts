import type { FastifyReply } from 'fastify';
import { platformErrors } from '../../platform/errors.ts';
import { sendVersioned } from '../../platform/http/versions.ts';
import type { RememberedUser, RememberedUsers } from './remembered-users.ts';

/** Sends people their own account: `send(actor.userId, reply)`. */
export interface OwnView {
  /** Throws or rejects with `unauthenticated` if there is no such user. Makes no promise where nothing has to be read. */
  send(userId: string, reply: FastifyReply): void | Promise<void>;
}

/**
 * The answer of `GET /users/me`: the most frequent question of front ends. Its text is kept beside what is remembered of the user, and is made anew
 * when the user, or the codes of the user's roles, have changed.
 */
export function createOwnView(deps: {
  remembered: RememberedUsers;
  roleCodesOf: (user: Pick<RememberedUser, 'id' | 'roleIds'>) => string[] | Promise<string[]>;
}): OwnView {
  const { remembered, roleCodesOf } = deps;

  function textOf(found: RememberedUser, roles: string[], reply: FastifyReply): string {
    const key = roles.join(' ');
    if (found.sent?.roles === key) return found.sent.text;
    const serialize = reply.getSerializationFunction('200');
    const view = { ...found.view, roles };
    const text = serialize === undefined ? JSON.stringify(view) : String(serialize(view));
    found.sent = { roles: key, text };
    return text;
  }

  function show(found: RememberedUser | null, reply: FastifyReply): void | Promise<void> {
    if (found === null) throw platformErrors.unauthenticated();
    const roles = roleCodesOf(found);
    const send = (codes: string[]) => sendVersioned(reply, textOf(found, codes, reply), found.view.version);
    return roles instanceof Promise ? roles.then(send) : send(roles);
  }

  return {
    send(userId, reply) {
      const found = remembered.peek(userId);
      return found === undefined ? remembered.read(userId).then((read) => show(read, reply)) : show(found, reply);
    },
  };
}
