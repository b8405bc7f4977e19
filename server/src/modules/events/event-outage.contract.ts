import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  LATER,
  makeChallenge,
  makeEvent,
  makeFactors,
  makeKey,
  makePasskey,
  makeRegistration,
  makeSession,
  makeSuperadmins,
  makeTotp,
  makeUser,
  NOW,
} from '../../../test/fixtures.ts';
import { createSession, SESSION_VERBS, sessionTarget } from '../../../test/session-verbs.ts';
import { assertHistory, describeStore, type Open, type OpenStorage } from '../../../test/store-contract.ts';
import { at, insertUser, USER_VERBS, userTarget } from '../../../test/user-verbs.ts';
import type { EventDraft } from './event-store.ts';

/** One verb that carries an event, ready to be called once. */
interface Attempt {
  target: string;
  /** The target's events so far. */
  history: EventDraft[];
  /** The record that the verb is about. */
  read(): Promise<unknown>;
  act(event: EventDraft): Promise<unknown>;
}

type Prepare = (opened: OpenStorage) => Promise<Attempt>;

const userChanges: [string, Prepare][] = Object.entries(USER_VERBS).map(([name, verb]) => [
  `users.${name}`,
  async (opened) => {
    const { users } = opened.storage;
    const { user, began } = await insertUser(opened, makeUser());
    const act = (event: EventDraft) => verb().act(users, at(user), event);
    return { target: userTarget(user), history: [began], read: () => users.find(user.id), act };
  },
]);

const sessionChanges: [string, Prepare][] = Object.entries(SESSION_VERBS).map(([name, verb]) => [
  `sessions.${name}`,
  async (opened) => {
    const { sessions } = opened.storage;
    const { session, began } = await createSession(opened, makeSession());
    const act = (event: EventDraft) => verb(session).act(sessions, event);
    return { target: sessionTarget(session), history: [began], read: () => sessions.find(session.id), act };
  },
]);

const insertions: Record<string, Prepare> = {
  async 'users.insert'({ storage: { users } }) {
    const user = makeUser();
    const act = (event: EventDraft) => users.insert(user, event);
    return { target: userTarget(user), history: [], read: () => users.find(user.id), act };
  },
  async 'sessions.create'({ storage: { sessions } }) {
    const session = makeSession();
    const act = (event: EventDraft) => sessions.create(session, event);
    return { target: sessionTarget(session), history: [], read: () => sessions.find(session.id), act };
  },
  async 'registrations.create'({ storage: { registrations } }) {
    const registration = makeRegistration();
    const act = (event: EventDraft) => registrations.create(registration, event);
    const target = `registration:${registration.id}`;
    return { target, history: [], read: () => registrations.find(registration.id), act };
  },
  async 'challenges.create'({ storage: { challenges } }) {
    const challenge = makeChallenge();
    const act = (event: EventDraft) => challenges.create(challenge, event);
    return { target: `challenge:${challenge.id}`, history: [], read: () => challenges.find(challenge.id), act };
  },
  async 'keys.insert'({ storage: { keys } }) {
    const key = makeKey();
    const act = (event: EventDraft) => keys.insert(key, event);
    return { target: `key:${key.id}`, history: [], read: () => keys.list(), act };
  },
  async 'superadmins.replace'({ storage: { superadmins } }) {
    const act = (event: EventDraft) => superadmins.replace(0, makeSuperadmins(), event);
    return { target: 'superadmins:all', history: [], read: () => superadmins.read(), act };
  },
};

async function resend({ storage: { registrations } }: OpenStorage): Promise<Attempt> {
  const registration = makeRegistration();
  const target = `registration:${registration.id}`;
  const began = makeEvent(target);
  await registrations.create(registration, began);
  const act = (event: EventDraft) =>
    registrations.resend(registration, { ...registration, sentAt: [NOW, LATER] }, event);
  return { target, history: [began], read: () => registrations.find(registration.id), act };
}

/** Changes of the record of factors and of its parts, which are rows of their own on SQL. */
const factorChanges: [string, Prepare][] = (
  ['addPasskey', 'enableTotp', 'removeTotp', 'useRecoveryCode', 'reset'] as const
).map((verb) => [
  `factors.${verb}`,
  async ({ storage: { factors } }) => {
    const begun = makeFactors();
    const target = `factors:${begun.userId}`;
    const added = makeEvent(target);
    const totp = makeTotp();
    const recovery = { hashes: ['one', 'two'], createdAt: NOW };
    await factors.begin(begun);
    await factors.enableTotp(begun, totp, { recovery }, added);
    const record = { ...begun, version: 1 };
    const acts: Record<typeof verb, (event: EventDraft) => Promise<unknown>> = {
      addPasskey: (event) => factors.addPasskey(record, makePasskey(), { trusted: [] }, event),
      enableTotp: (event) => factors.enableTotp(record, makeTotp(), {}, event),
      removeTotp: (event) => factors.removeTotp(record, totp.id, { recovery: null }, event),
      useRecoveryCode: (event) => factors.useRecoveryCode(record, 'two', event),
      reset: (event) => factors.reset(record, event),
    };
    return { target, history: [added], read: () => factors.find(begun.userId), act: acts[verb] };
  },
]);

const ATTEMPTS: [string, Prepare][] = [
  ...Object.entries(insertions),
  ...userChanges,
  ...sessionChanges,
  ...factorChanges,
  ['registrations.resend', resend],
];

/**
 * Every adapter keeps this while its database takes no events: a verb either fails and has done nothing, or has
 * happened, and its event comes home with the next sweep.
 */
export function eventOutageContract(open: Open): void {
  describeStore('every store, while events cannot be written', open, (opened) => {
    for (const [name, prepare] of ATTEMPTS) {
      it(`${name}: both or neither`, async () => {
        const shared = opened();
        const { target, history, read, act } = await prepare(shared);
        const before = await read();
        const event = makeEvent(target);

        const happened = await shared.withoutEvents(() =>
          act(event).then(
            () => true,
            () => false,
          ),
        );
        if (happened) assert.notDeepEqual(await read(), before);
        else assert.deepEqual(await read(), before);
        assert.equal(await shared.storage.events.sweep(), happened ? 1 : 0);
        await assertHistory(shared, target, happened ? [...history, event] : history);
        assert.equal(await shared.storage.events.sweep(), 0);

        if (happened) return;
        const again = makeEvent(target);
        await act(again);
        assert.notDeepEqual(await read(), before);
        await assertHistory(shared, target, [...history, again]);
      });
    }

    it('what comes after the outage brings home what happened in it, in order', async () => {
      const shared = opened();
      const { users } = shared.storage;
      const user = makeUser();
      const [first, second] = [makeEvent(userTarget(user)), makeEvent(userTarget(user))];
      const happened = await shared.withoutEvents(() =>
        users.insert(user, first).then(
          () => true,
          () => false,
        ),
      );
      const change = { sessionEpoch: 7, keptSessionId: null };
      if (happened) assert.equal(await users.endSessions(at(user), change, second), 'ok');
      else assert.equal(await users.insert(user, second), 'ok');
      await assertHistory(shared, userTarget(user), happened ? [first, second] : [second]);
      assert.equal(await shared.storage.events.sweep(), 0);
    });

    it('what is removed after the outage leaves its history behind', async () => {
      const shared = opened();
      const { registrations } = shared.storage;
      const registration = makeRegistration();
      const event = makeEvent(`registration:${registration.id}`);
      const happened = await shared.withoutEvents(() =>
        registrations.create(registration, event).then(
          () => true,
          () => false,
        ),
      );
      await registrations.remove(registration.id);
      assert.equal(await registrations.find(registration.id), null);
      await assertHistory(shared, event.target, happened ? [event] : []);
    });
  });
}
