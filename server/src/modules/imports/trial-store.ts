import { DatabaseSync } from 'node:sqlite';
import type { UserNames, UserStore } from '../users/user-store.ts';

/** What an import does with users. */
export type ImportedUsers = Pick<UserStore, 'insertMany' | 'findNamed'>;

/**
 * Users for a dry run: those that are here, and those that would have been made, whose names are kept in a temporary database that SQLite
 * moves to disk as it grows. So a source with a million people that repeats an address tells it, and memory stays the same.
 */
export function trialUsers(users: Pick<UserStore, 'findNamed'>): ImportedUsers & { close(): void } {
  const names = new DatabaseSync('');
  names.exec(`pragma journal_mode = off; pragma synchronous = off;
    create table made (id text, emailNorm text primary key, username text, usernameKey text, externalId text);
    create index usernames on made (usernameKey); create index ids on made (externalId)`);
  const insert = names.prepare(
    'insert into made (id, emailNorm, username, usernameKey, externalId) values (?, ?, ?, ?, ?)',
  );
  const find = (column: keyof UserNames) =>
    names.prepare(`select id, emailNorm, username, usernameKey, externalId from made where ${column} = ?`);
  const lookUps = { emailNorms: find('emailNorm'), usernameKeys: find('usernameKey'), externalIds: find('externalId') };

  return {
    async findNamed(wanted) {
      const found = (Object.keys(lookUps) as (keyof typeof lookUps)[]).flatMap((kind) =>
        wanted[kind].flatMap((value) => lookUps[kind].all(value) as unknown as UserNames[]),
      );
      return [...(await users.findNamed(wanted)), ...found];
    },

    async insertMany(people) {
      names.exec('begin');
      for (const { user } of people) {
        insert.run(user.id, user.emailNorm, user.username, user.usernameKey, user.externalId);
      }
      names.exec('commit');
      return people.map(({ user }) => user.id);
    },

    close: () => names.close(),
  };
}
