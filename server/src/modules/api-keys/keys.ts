import type { Clock } from '../../platform/clock.ts';
import { after } from '../../platform/clock.ts';
import { type AppError, platformErrors } from '../../platform/errors.ts';
import { type Caller, OPERATOR, subjectOf } from '../../platform/http/caller.ts';
import { networkOf } from '../../platform/http/network.ts';
import { isId, newId } from '../../platform/ids.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Authority } from '../access/authority.ts';
import { accessErrors } from '../access/errors.ts';
import type { Scopes } from '../access/scopes.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import { keyErrors } from '../keys/errors.ts';
import type { ApiKeyRecord, ApiKeyStore } from './api-key-store.ts';
import { apiKeyErrors } from './errors.ts';
import { isPresent } from './key-credentials.ts';
import { hashOfKey, type KeyKind, newKey, parseKey } from './key-format.ts';
import { KEY_LIMIT, LONGEST_OVERLAP, nextReminder, targetOfKey } from './names.ts';
import { coversNetworks, toNetwork } from './networks.ts';

/** Whose keys are made and changed. */
export interface KeyOwner {
  kind: KeyKind;
  subjectId: string;
  grantEpoch: number;
}

export type KeyInput = Pick<ApiKeyRecord, 'name' | 'scopes' | 'expiresAt'> &
  Partial<Pick<ApiKeyRecord, 'networks' | 'rateLimit'>>;
export type KeyPatch = Partial<Pick<ApiKeyRecord, 'name' | 'scopes' | 'networks' | 'expiresAt'>>;

/** A key with its secret, which nobody can show again. */
export interface MadeKey {
  key: ApiKeyRecord;
  secret: string;
}

export interface Keys {
  /** Throws `api_keys_off`, `scope_unknown`, `power_exceeded`, `key_limit`, `validation_failed`. */
  make(caller: Caller, owner: KeyOwner, input: KeyInput): Promise<MadeKey>;
  /** The owner's key. Throws `key_not_found` for one that is not theirs or was revoked. */
  get(owner: Pick<KeyOwner, 'subjectId'>, id: string): Promise<ApiKeyRecord>;
  /** Throws `key_not_found`, `key_widened`, `validation_failed`. */
  narrow(caller: Caller, owner: KeyOwner, id: string, patch: KeyPatch): Promise<ApiKeyRecord>;
  /**
   * Gives a key another secret; the former one works for `overlap` milliseconds more. A later end asks for the power that a new key would.
   * Throws `api_keys_off`, `key_not_found`, `key_rotated`, `power_exceeded`, `validation_failed`.
   */
  rotate(
    caller: Caller,
    owner: KeyOwner,
    id: string,
    input: { overlap: number; expiresAt?: Date | undefined },
  ): Promise<MadeKey>;
  /** Throws `key_not_found`. */
  revoke(caller: Caller, owner: Pick<KeyOwner, 'subjectId'>, id: string, reason: string): Promise<void>;
  /** Ends the live key that this text is; whether there was one. Whoever knows a key may end it. */
  report(caller: Caller, text: string): Promise<boolean>;
}

/** Makes, narrows, rotates and ends keys: nobody hands on more than they hold, by anything that ends later than what they call with. */
export function createKeys(deps: {
  enabled: boolean;
  /** Milliseconds. */
  maxTtl: number;
  store: ApiKeyStore;
  authority: Authority;
  scopes: Scopes;
  /** How many are told of a key. */
  countOwners: (key: ApiKeyRecord) => Promise<number>;
  events: Events;
  clock: Clock;
}): Keys {
  const { enabled, maxTtl, store, authority, scopes: rules, countOwners, events, clock } = deps;

  async function describe(caller: Caller, type: string, key: ApiKeyRecord, data: object): Promise<EventDraft> {
    const { id, kind, subjectId, name } = key;
    const userId = kind === 'pat' ? subjectId : null;
    const owners = await countOwners(key);
    return events.describe(caller, {
      type,
      target: targetOfKey(id),
      userId,
      data: { name, kind, subjectId, owners, ...data },
      evicts: true,
    });
  }

  function demandOn(): void {
    if (!enabled) throw apiKeyErrors.api_keys_off();
  }

  /** Throws unless a key may end then; not later than the credential by which it is made. */
  function demandEnd({ actor }: Caller, expiresAt: Date): void {
    const now = clock();
    if (Number.isNaN(expiresAt.getTime()) || expiresAt <= now)
      throw invalid('/expiresAt', 'This must be in the future.');
    if (expiresAt > after(now, maxTtl)) {
      throw invalid('/expiresAt', `This server's keys end within ${Math.floor(maxTtl / 86_400_000)} days.`);
    }
    if (actor === null || actor === OPERATOR || actor.via.kind === 'session') return;
    if (expiresAt.getTime() > actor.via.expiresAt) throw accessErrors.power_exceeded();
  }

  function demandKnown(scopes: readonly string[]): void {
    const unknown = rules.unknown(scopes);
    if (unknown.length === 0) return;
    const errors = scopes.flatMap((scope, index) =>
      unknown.includes(scope) ? [{ path: `/scopes/${index}`, message: 'This scope opens nothing.' }] : [],
    );
    throw apiKeyErrors.scope_unknown({ errors });
  }

  async function get({ subjectId }: Pick<KeyOwner, 'subjectId'>, id: string): Promise<ApiKeyRecord> {
    const key = isId(id) ? await store.find(id) : null;
    if (key === null || key.subjectId !== subjectId || key.revokedAt !== null) throw keyErrors.key_not_found();
    return key;
  }

  async function revoke(caller: Caller, owner: Pick<KeyOwner, 'subjectId'>, id: string, reason: string): Promise<void> {
    await untilWon(
      async () => {
        const key = await get(owner, id);
        const event = await describe(caller, 'api_key.revoked', key, { reason });
        return (await store.revoke({ id, version: key.version, now: clock() }, reason, event)) || null;
      },
      { record: targetOfKey(id) },
    );
  }

  return {
    get,
    revoke,

    async make(caller, { kind, subjectId, grantEpoch }, { name, scopes, expiresAt, networks = [], rateLimit = null }) {
      demandOn();
      demandEnd(caller, expiresAt);
      demandKnown(scopes);
      const within = networksOf(networks);
      // Read from the database, right before the write.
      await authority.demandScopes(caller, scopes);
      const now = clock();
      if ((await store.count({ now, subjectId }, KEY_LIMIT)) >= KEY_LIMIT) throw apiKeyErrors.key_limit();
      const id = newId(now);
      const secret = newKey(kind, id);
      const { aal, phishingResistant } = assuranceOf(caller);
      const key: ApiKeyRecord = {
        id,
        kind,
        subjectId,
        organizationId: null,
        name,
        hash: hashOfKey(secret),
        previousHash: null,
        previousUntil: null,
        scopes: [...scopes],
        wide: rules.isWide(scopes),
        networks: within,
        rateLimit,
        aal,
        phishingResistant,
        grantEpoch,
        createdBy: subjectOf(caller)?.id ?? null,
        expiresAt,
        remindAt: nextReminder(expiresAt, now),
        revokedAt: null,
        revokeReason: null,
        lastUsedAt: null,
        lastUsedIp: null,
        lastUsedAgent: null,
        seenNetworks: caller.ip ? [networkOf(caller.ip)] : [],
        networkToldAt: null,
        refusalToldAt: null,
        createdAt: now,
        updatedAt: now,
        version: 1,
      };
      await store.insert(key, await describe(caller, 'api_key.created', key, auditView(key)));
      return { key, secret };
    },

    narrow: (caller, owner, id, patch) =>
      untilWon(
        async () => {
          const key = await get(owner, id);
          if (Object.keys(said(patch)).length === 0) return key;
          const next = { ...key, ...said(patch), networks: patch.networks ? networksOf(patch.networks) : key.networks };
          demandKnown(next.scopes.filter((scope) => !key.scopes.includes(scope)));
          const isNarrower =
            rules.covers(key.scopes, next.scopes) &&
            coversNetworks(key.networks, next.networks) &&
            next.expiresAt <= key.expiresAt;
          if (!isNarrower) throw apiKeyErrors.key_widened();
          const now = clock();
          if (next.expiresAt !== key.expiresAt && next.expiresAt <= now) {
            throw invalid('/expiresAt', 'This must be in the future.');
          }
          const { name, scopes, networks, expiresAt } = next;
          const remindAt = expiresAt < key.expiresAt ? nextReminder(expiresAt, now) : key.remindAt;
          const change = { name, scopes, wide: rules.isWide(scopes), networks, expiresAt, remindAt };
          const data = { before: auditView(key), after: auditView(next) };
          const event = await describe(caller, 'api_key.changed', key, data);
          const at = { id, version: key.version, now };
          if (!(await store.narrow(at, change, event))) return null;
          return { ...key, ...change, updatedAt: now, version: key.version + 1 };
        },
        { record: targetOfKey(id) },
      ),

    async rotate(caller, owner, id, { overlap, expiresAt: later }) {
      demandOn();
      const seen = await get(owner, id);
      return untilWon(
        async () => {
          const key = await get(owner, id);
          const now = clock();
          if (overlap > LONGEST_OVERLAP) throw invalid('/overlap', 'Both secrets work for 7 days at most.');
          if (key.expiresAt <= now || key.grantEpoch < owner.grantEpoch) throw keyErrors.key_not_found();
          // Whoever was faster has the new secret, and must not lose it to this request.
          if (key.hash !== seen.hash) throw apiKeyErrors.key_rotated();
          // A second rotation would end the secret that is still in use, of which its owner believes that it works.
          if (overlap > 0 && key.previousUntil !== null && key.previousUntil > now) throw apiKeyErrors.key_rotated();
          demandAssurance(caller, key);
          const expiresAt = later ?? key.expiresAt;
          if (later !== undefined) demandEnd(caller, later);
          if (expiresAt > key.expiresAt) await authority.demandScopes(caller, key.scopes);
          const secret = newKey(key.kind, id);
          const change = {
            hash: hashOfKey(secret),
            previousHash: overlap > 0 ? key.hash : null,
            previousUntil: overlap > 0 ? earliest(after(now, overlap), expiresAt) : null,
            expiresAt,
            remindAt: nextReminder(expiresAt, now),
          };
          const data = { previousUntil: change.previousUntil, expiresAt };
          const event = await describe(caller, 'api_key.rotated', key, data);
          if (!(await store.rotate({ id, version: key.version, now }, change, event))) return null;
          return { key: { ...key, ...change, updatedAt: now, version: key.version + 1 }, secret };
        },
        { record: targetOfKey(id) },
      );
    },

    async report(caller, text) {
      const parsed = parseKey(text.trim());
      const key = parsed && (await store.find(parsed.id));
      if (!parsed || !key || key.kind !== parsed.kind) return false;
      const isLive = key.revokedAt === null && isPresent(hashOfKey(text.trim()), key, clock());
      if (!isLive) return false;
      try {
        await revoke(caller, key, key.id, 'reported');
        return true;
      } catch (error) {
        if ((error as Partial<AppError>).code === 'key_not_found') return false;
        throw error;
      }
    },
  };
}

/** How sure it is who makes a key: it will be no surer who uses it. */
function assuranceOf({ actor }: Caller): Pick<ApiKeyRecord, 'aal' | 'phishingResistant'> {
  return actor === null || actor === OPERATOR ? { aal: 1, phishingResistant: false } : actor.assurance;
}

/** A weaker sign-in must not get the secret of a key that a stronger one made. Throws `power_exceeded`. */
function demandAssurance(caller: Caller, key: ApiKeyRecord): void {
  const { aal, phishingResistant } = assuranceOf(caller);
  if (aal < key.aal || (key.phishingResistant && !phishingResistant)) throw accessErrors.power_exceeded();
}

function networksOf(texts: readonly string[]): string[] {
  return [
    ...new Set(
      texts.map((text, index) => {
        const network = toNetwork(text.trim());
        if (network !== null) return network;
        throw invalid(
          `/networks/${index}`,
          'This must be an address, or a network such as 192.0.2.0/24 or 2001:db8::/32.',
        );
      }),
    ),
  ];
}

const earliest = (a: Date, b: Date): Date => (a < b ? a : b);

const invalid = (path: string, message: string) => platformErrors.validation_failed({ errors: [{ path, message }] });

function said(patch: KeyPatch): KeyPatch {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
}

/** The fields of a key that its events hold. */
function auditView({ name, scopes, networks, rateLimit, expiresAt }: ApiKeyRecord) {
  return { name, scopes, networks, rateLimit, expiresAt };
}
