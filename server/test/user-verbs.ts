import assert from 'node:assert/strict';
import type { EventDraft } from '../src/modules/events/event-store.ts';
import { ERASED } from '../src/modules/users/erasure.ts';
import type { UserAt, UserChange, UserRecord, UserStore } from '../src/modules/users/user-store.ts';
import {
  LATER,
  makeEmailChange,
  makeEmailMove,
  makeEvent,
  makeHash,
  makeId,
  makeInvitation,
  nextNumber,
} from './fixtures.ts';
import type { OpenStorage } from './store-contract.ts';

/** One change of a user that carries an event, and the fields that it must set. */
export interface UserVerb {
  act(users: UserStore, at: UserAt, event: EventDraft): Promise<UserChange>;
  sets: Partial<UserRecord>;
}

/** An address that nobody has. */
export const newAddress = () => {
  const { email, emailNorm } = makeEmailChange();
  return { email, emailNorm };
};

function setPassword(): UserVerb {
  const { hash, ...rest } = {
    hash: `$argon2id$${makeHash()}`,
    passwordVersion: 4,
    mustChangePassword: false,
    sessionEpoch: 3,
    keptSessionId: makeId(),
  };
  return {
    act: (users, at, event) => users.setPassword(at, { hash, ...rest }, event),
    sets: { passwordHash: hash, ...rest, invitation: null },
  };
}

function setPasswordByMail(): UserVerb {
  const { sets } = setPassword();
  const { passwordHash: hash, passwordVersion, mustChangePassword, sessionEpoch, keptSessionId } = sets as UserRecord;
  const change = { hash: hash ?? '', passwordVersion, mustChangePassword, sessionEpoch, keptSessionId };
  return {
    act: (users, at, event) => users.setPassword(at, { ...change, emailVerified: true }, event),
    sets: { ...sets, emailVerified: true },
  };
}

/** The first proof of the mailbox of an account whose address was not verified. */
function setPasswordAndClaim(): UserVerb {
  const { sets } = setPassword();
  const { passwordHash: hash, passwordVersion, mustChangePassword, sessionEpoch, keptSessionId } = sets as UserRecord;
  const ends = { emailVerified: true, grantEpoch: 24, credentialEpoch: 25 } as const;
  const change = { hash: hash ?? '', passwordVersion, mustChangePassword, sessionEpoch, keptSessionId, ...ends };
  return {
    act: (users, at, event) => users.setPassword(at, change, event),
    sets: { ...sets, ...ends },
  };
}

export function claim(): UserVerb {
  const epochs = { passwordVersion: 12, sessionEpoch: 13, grantEpoch: 24, credentialEpoch: 25 };
  return {
    act: (users, at, event) => users.claim(at, epochs, event),
    sets: {
      ...epochs,
      emailVerified: true,
      passwordHash: null,
      mustChangePassword: false,
      keptSessionId: null,
      emailChange: null,
      invitation: null,
    },
  };
}

function patchProfile(): UserVerb {
  const name = `renamed${nextNumber()}`;
  const sets = {
    fullName: null,
    username: name.toUpperCase(),
    usernameKey: name,
    phone: null,
    locale: 'zh-Hant-TW',
    profile: { location: '東京' },
    profilePublic: false,
    ...newAddress(),
    emailVerified: false,
  };
  const ended = { emailChange: null, emailMove: null };
  return { act: (users, at, event) => users.patchProfile(at, sets, event), sets: { ...sets, ...ended } };
}

function moveEmail(): UserVerb {
  const emailMove = makeEmailMove();
  return { act: (users, at, event) => users.patchProfile(at, { emailMove }, event), sets: { emailMove } };
}

function moveEmailAtOnce(): UserVerb {
  const sets = { ...newAddress(), emailVerified: false, emailMove: makeEmailMove() };
  return { act: (users, at, event) => users.patchProfile(at, sets, event), sets: { ...sets, emailChange: null } };
}

function stopEmailMove(): UserVerb {
  const sets = { emailMove: null };
  return { act: (users, at, event) => users.patchProfile(at, sets, event), sets };
}

function disableForEmailMove(): UserVerb {
  const change = { status: 'disabled', sessionEpoch: 6, emailMove: null } as const;
  return {
    act: (users, at, event) => users.setStatus(at, change, event),
    sets: { ...change, deletedAt: null, keptSessionId: null, superadminMark: false },
  };
}

export function endSessions(): UserVerb {
  const sets = { sessionEpoch: 9, keptSessionId: null };
  return { act: (users, at, event) => users.endSessions(at, sets, event), sets };
}

function lockDown(): UserVerb {
  const epochs = { sessionEpoch: 9, grantEpoch: 10 };
  return { act: (users, at, event) => users.lockDown(at, epochs, event), sets: { ...epochs, keptSessionId: null } };
}

function beginEmailChange(): UserVerb {
  const emailChange = makeEmailChange();
  return { act: (users, at, event) => users.beginEmailChange(at, emailChange, event), sets: { emailChange } };
}

export function takeEmail(): UserVerb {
  const taken = newAddress();
  return {
    act: (users, at, event) => users.takeEmail(at, taken, event),
    sets: { ...taken, emailVerified: true, emailChange: null, emailMove: null },
  };
}

/** The kept session goes as well: somebody who is restored must not find it alive. */
export function softDelete(): UserVerb {
  return {
    act: (users, at, event) => users.softDelete(at, { sessionEpoch: 5, grantEpoch: 15 }, event),
    sets: {
      status: 'deleted',
      deletedAt: LATER,
      sessionEpoch: 5,
      grantEpoch: 15,
      keptSessionId: null,
      superadminMark: false,
      emailChange: null,
      emailMove: null,
      invitation: null,
    },
  };
}

function setStatus(): UserVerb {
  return {
    act: (users, at, event) => users.setStatus(at, { status: 'disabled', sessionEpoch: 6 }, event),
    sets: { status: 'disabled', deletedAt: null, sessionEpoch: 6, keptSessionId: null, superadminMark: false },
  };
}

/** What is left is the id, what counts, and when. */
export function erase(): UserVerb {
  const epochs = { sessionEpoch: 7, grantEpoch: 17, credentialEpoch: 27 };
  return {
    act: (users, at, event) => users.erase(at, epochs, event),
    sets: { ...ERASED, ...epochs, deletedAt: LATER },
  };
}

function setRoles(): UserVerb {
  const roleIds = [makeId(), 'user', makeId()];
  return { act: (users, at, event) => users.setRoles(at, { roleIds }, event), sets: { roleIds } };
}

function setSuperadminMark(): UserVerb {
  return {
    act: (users, at, event) => users.setSuperadminMark(at, true, event),
    sets: { superadminMark: true },
  };
}

function invite(): UserVerb {
  const invitation = makeInvitation();
  return { act: (users, at, event) => users.invite(at, invitation, event), sets: { invitation } };
}

export function acceptInvitation(): UserVerb {
  const name = `invited${nextNumber()}`;
  const change = {
    hash: `$argon2id$${makeHash()}`,
    passwordVersion: 4,
    sessionEpoch: 8,
    username: name.toUpperCase(),
    usernameKey: name,
    fullName: `Invited Person ${name}`,
  };
  const { hash, ...sets } = change;
  return {
    act: (users, at, event) => users.acceptInvitation(at, change, event),
    sets: {
      ...sets,
      passwordHash: hash,
      mustChangePassword: false,
      keptSessionId: null,
      emailVerified: true,
      invitation: null,
    },
  };
}

/** Every change of a user that carries an event. */
export const USER_VERBS = {
  setPassword,
  setPasswordByMail,
  setPasswordAndClaim,
  patchProfile,
  moveEmail,
  moveEmailAtOnce,
  stopEmailMove,
  disableForEmailMove,
  endSessions,
  lockDown,
  beginEmailChange,
  takeEmail,
  claim,
  softDelete,
  setStatus,
  setRoles,
  setSuperadminMark,
  invite,
  acceptInvitation,
  erase,
};

export const userTarget = (user: Pick<UserRecord, 'id'>) => `user:${user.id}`;
/** The state that a verb names. */
export const at = (user: Pick<UserRecord, 'id' | 'version'>): UserAt => ({
  id: user.id,
  version: user.version,
  now: LATER,
});

/** Inserts a user together with an event. */
export async function insertUser(
  { storage }: OpenStorage,
  user: UserRecord,
): Promise<{ user: UserRecord; began: EventDraft }> {
  const began = makeEvent(userTarget(user));
  assert.equal(await storage.users.insert(user, began), 'ok');
  return { user, began };
}
