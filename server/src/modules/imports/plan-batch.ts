import { loginKey } from '../users/names.ts';
import type { UserNames } from '../users/user-store.ts';
import type { PreparedPerson } from './prepare-person.ts';

/** What becomes of one person of a batch. */
export type Decision =
  | { kind: 'make'; withoutUsername: 'username_taken' | 'username_look_alike' | null }
  /** An earlier run made this account. */
  | { kind: 'present'; user: UserNames }
  | { kind: 'skip'; told: 'id_repeated' | 'email_repeated' | 'email_taken' };

/** Stands for the id of an account that is being made. */
export const UNDER_WAY_ID = '';

/**
 * Decides for each person of a batch, in order, by whose names are taken: `here` are the users who have any of the names of the batch. Pure:
 * the database's unique indexes have the last word, and a batch that lost a race is planned again.
 */
export function planBatch(people: readonly PreparedPerson[], here: readonly UserNames[], source: string): Decision[] {
  const byEmail = new Map(here.map((user) => [user.emailNorm, user]));
  const byUsername = new Map(here.map((user) => [user.usernameKey, user.username]));
  const byExternalId = new Map(here.map((user) => [user.externalId, user]));
  const seen = new Set<string>();
  const isOfSource = (user: UserNames) => user.externalId?.startsWith(`${source}:`) === true;

  return people.map(({ fields }) => {
    const { externalId, username, usernameKey } = fields;
    const emailNorm = fields.emailNorm ?? '';
    const present = byExternalId.get(externalId);
    if (seen.has(externalId) || present?.id === UNDER_WAY_ID) return { kind: 'skip', told: 'id_repeated' };
    seen.add(externalId);
    if (present) return { kind: 'present', user: present };
    const holder = byEmail.get(emailNorm);
    if (holder) return { kind: 'skip', told: isOfSource(holder) ? 'email_repeated' : 'email_taken' };
    byEmail.set(emailNorm, { id: UNDER_WAY_ID, emailNorm, username, usernameKey, externalId });
    if (usernameKey === null || username === null) return { kind: 'make', withoutUsername: null };
    const rival = byUsername.get(usernameKey);
    if (rival === undefined) {
      byUsername.set(usernameKey, username);
      return { kind: 'make', withoutUsername: null };
    }
    const isSame = rival !== null && loginKey(rival) === loginKey(username);
    return { kind: 'make', withoutUsername: isSame ? 'username_taken' : 'username_look_alike' };
  });
}

/** The names of a batch that must be free. */
export function namesOf(people: readonly PreparedPerson[]) {
  const fields = people.map((person) => person.fields);
  return {
    ids: [],
    emailNorms: fields.flatMap(({ emailNorm }) => emailNorm ?? []),
    usernameKeys: fields.flatMap(({ usernameKey }) => usernameKey ?? []),
    externalIds: fields.map(({ externalId }) => externalId),
  };
}
