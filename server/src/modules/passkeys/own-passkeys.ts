import { after, type Clock, MINUTE } from '../../platform/clock.ts';
import { platformErrors } from '../../platform/errors.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import type { ChangeFactors } from '../factors/change-factors.ts';
import { factorErrors } from '../factors/errors.ts';
import type { FactorStore, FactorsRecord, PasskeyRecord } from '../factors/factor-store.ts';
import { demandAsStrong, factorsOf, holdsSecondFactor } from '../factors/names.ts';
import type { MfaDemandOf } from '../factors/own-factors.ts';
import type { SignInEngine } from '../sign-in/engine.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { type AddedPasskey, type AddPasskey, nameOf } from './add-passkey.ts';
import { passkeyErrors } from './errors.ts';
import type { PasskeyKind } from './options.ts';

/** Milliseconds after a password sign-in in which a browser may add a passkey silently. */
const SILENT_TTL = 5 * MINUTE;

/** The passkeys of a user, and what browsers are told of them. */
export interface Passkeys {
  user: UserRecord;
  /** Null for a user who never had one. */
  handle: string | null;
  passkeys: readonly PasskeyRecord[];
}

/** What users do with their own passkeys. All throw `unauthenticated` if the user is gone. */
export interface OwnPasskeys {
  list(actor: SessionActor): Promise<Passkeys>;
  /** `conditional`: the browser adds it silently. Throws `reauth_required`, `factor_limit`. */
  begin(
    actor: SessionActor,
    wish: { conditional?: boolean; kind?: PasskeyKind },
  ): Promise<{ challengeToken: string; options: object }>;
  /** The session then counts as proved by it, too, unless it was added silently. Throws as `AddPasskey` does. */
  add(
    caller: Caller,
    actor: SessionActor,
    given: { challengeToken: string; response: unknown; name?: string | undefined },
  ): Promise<Passkeys & AddedPasskey>;
  /** Throws `passkey_not_found`, `validation_failed`. */
  rename(caller: Caller, actor: SessionActor, id: string, name: string | undefined): Promise<Passkeys>;
  /** Throws `passkey_not_found`, `last_factor`, `reauth_required`. */
  remove(caller: Caller, actor: SessionActor, id: string): Promise<Passkeys>;
}

export function createOwnPasskeys(deps: {
  store: FactorStore;
  users: Pick<Users, 'me'>;
  changeFactors: ChangeFactors;
  addPasskey: AddPasskey;
  mfaPolicyOf: MfaDemandOf;
  signIn: Pick<SignInEngine, 'strengthen'>;
  clock: Clock;
}): OwnPasskeys {
  const { store, users, changeFactors, addPasskey, mfaPolicyOf, signIn, clock } = deps;

  async function read(actor: SessionActor) {
    const user = await users.me(actor);
    const record = await store.find(user.id);
    return { user, record, factors: factorsOf(user, record) };
  }

  const shown = (user: UserRecord, record: FactorsRecord | null): Passkeys => {
    return { user, handle: record?.handle ?? null, passkeys: factorsOf(user, record).passkeys };
  };

  return {
    async list(actor) {
      const { user, record } = await read(actor);
      return shown(user, record);
    },

    async begin(actor, { conditional: silent = false, kind = 'any' }) {
      const { user, factors } = await read(actor);
      demandAsStrong(actor, factors);
      if (silent && !isJustAfterPassword(actor, clock())) throw platformErrors.reauth_required();
      return addPasskey.begin(user, actor.sessionId, { kind, silent });
    },

    async add(caller, actor, given) {
      const user = await users.me(actor);
      const bound = { ...given, boundTo: actor.sessionId };
      const added = await addPasskey.add(caller, user, bound, (factors) => demandAsStrong(actor, factors));
      const { passkey, record, userVerified } = added;
      const method = userVerified ? 'passkey' : 'passkey_presence';
      if (!passkey.silent) await signIn.strengthen(caller, actor, [{ method, at: clock() }]);
      return { ...added, ...shown(user, record) };
    },

    rename: (caller, actor, id, typed) =>
      changeFactors(caller, actor.userId, async (record, describe, user) => {
        const passkey = find(record, id);
        const name = nameOf(typed);
        if (name === null) throw noName();
        const event = describe('factors.passkey_renamed', { factorId: id, before: passkey.name, after: name });
        const passkeys = record.passkeys.map((one) => (one === passkey ? { ...one, name } : one));
        return [await store.renamePasskey(record, id, name, event), shown(user, { ...record, passkeys })];
      }),

    remove: (caller, actor, id) =>
      changeFactors(caller, actor.userId, async (record, describe, user) => {
        const passkey = find(record, id);
        demandAsStrong(actor, record);
        const passkeys = record.passkeys.filter((one) => one !== passkey);
        const last = !holdsSecondFactor({ ...record, passkeys });
        if (last && (await mfaPolicyOf(user, caller, record)).mfa !== 'off') throw factorErrors.last_factor();
        if (passkeys.length === 0 && user.passwordHash === null) {
          throw factorErrors.last_factor({ detail: 'It is your only way to sign in. Set a password first.' });
        }
        const event = describe('factors.passkey_removed', { factorId: id, name: passkey.name, last });
        const along = { trusted: [], ...(last && { recovery: null }) };
        return [await store.removePasskey(record, id, along, event), shown(user, { ...record, passkeys })];
      }),
  };
}

function noName(): Error {
  return platformErrors.validation_failed({ errors: [{ path: '/name', message: 'Write a name.' }] });
}

/** Throws `passkey_not_found`. */
export function find(record: FactorsRecord, id: string): PasskeyRecord {
  const passkey = record.passkeys.find((one) => one.id === id);
  if (!passkey) throw passkeyErrors.passkey_not_found();
  return passkey;
}

function isJustAfterPassword({ assurance }: SessionActor, now: Date): boolean {
  return assurance.methods.includes('password') && now <= after(assurance.authTime, SILENT_TTL);
}
