import { after, type Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Holder } from '../access/grants.ts';
import { type MfaDemand, strictestOf } from '../access/names.ts';
import type { RoleRecord } from '../access/role-store.ts';
import type { Events } from '../events/events.ts';
import type { UserStore } from '../users/user-store.ts';
import type { DemandStore } from './demand-store.ts';

/** What is demanded of one person at a sign-in. */
export interface MfaPolicy {
  /** The strictest of `MFA_REQUIRED` and of the person's roles. */
  mfa: MfaDemand;
  /** What demands a second factor: `policy`, and `role:<code>`. */
  requiredBy: string[];
  /** Until when the person may put off setting up what is demanded; null: not at all, or nothing is missing. */
  graceUntil: Date | null;
  /** Whether a device that they trust may stand for the second factor: it never does for a phishing-resistant one. */
  trustDevices: boolean;
  /** Whether they may reset a lost second factor by their address. */
  selfRecovery: boolean;
}

/** What somebody could prove with the factors that they have. */
export interface Reachable {
  twoFactors: boolean;
  phishingResistant: boolean;
}

export interface MfaPolicies {
  /** Reads roles from memory. The first look that finds a demand which the person cannot meet begins the time of grace. */
  policyOf(user: Holder, held: Reachable): Promise<MfaPolicy>;
  /** Ends the grace of what is demanded of somebody now, whose factors are about to be reset. Safe to run twice. */
  endGrace(user: Holder): Promise<void>;
}

interface Cause {
  id: string;
  shown: string;
  mfa: MfaDemand;
}

const BY_POLICY: Cause = { id: 'all', shown: 'policy', mfa: 'required' };
const causeOf = ({ id, mfa }: Pick<RoleRecord, 'id' | 'mfa'>): string => `role:${id}:${mfa}`;
const ENDED = new Date(0);

/** What is demanded of whom at a sign-in: by `MFA_REQUIRED`, and by roles. */
export function createMfaPolicies(deps: {
  demands: DemandStore;
  /** All existing roles of a holder, disabled ones included. */
  rolesOf: (holder: Holder) => Promise<RoleRecord[]>;
  users: Pick<UserStore, 'find'>;
  config: Pick<Config, 'mfa'>;
  events: Events;
  clock: Clock;
}): MfaPolicies {
  const { demands, rolesOf, users, config, events, clock } = deps;
  const { required, grace, trustTtl, selfRecovery } = config.mfa;

  async function demandingRoles(user: Holder): Promise<RoleRecord[]> {
    return (await rolesOf(user)).filter(({ enabled, mfa }) => enabled && mfa !== 'off');
  }

  function causesOf(roles: readonly RoleRecord[]): Cause[] {
    if (required === 'none') return [];
    const byRoles = roles.map((role) => ({ id: causeOf(role), shown: `role:${role.code}`, mfa: role.mfa }));
    return required === 'all' ? [BY_POLICY, ...byRoles] : byRoles;
  }

  // A demand that is taken back and made again later gives the grace again.
  events.on('role.changed', 'mfa-grace', async ({ target, data }) => {
    const { before, after: now } = data as Record<'before' | 'after', { mfa?: MfaDemand } | undefined>;
    if (before?.mfa && before.mfa !== now?.mfa)
      await demands.forget(causeOf({ id: target.slice('role:'.length), mfa: before.mfa }));
  });
  for (const type of ['user.roles_changed', 'superadmin.revoked']) {
    events.on(type, 'mfa-grace', async ({ userId }) => {
      const user = userId === null ? null : await users.find(userId);
      if (!user) return;
      const causes = causesOf(await demandingRoles(user));
      await demands.keepOnly(
        user.id,
        causes.map(({ id }) => id),
      );
    });
  }
  events.on('user.erased', 'mfa-grace', ({ target }) => demands.removeForUser(target.slice('user:'.length)));

  return {
    async policyOf(user, held) {
      const roles = await demandingRoles(user);
      const causes = causesOf(roles);
      const unmet = causes.filter(({ mfa }) => !(mfa === 'required' ? held.twoFactors : held.phishingResistant));
      return {
        mfa: strictestOf(causes.map(({ mfa }) => mfa)),
        requiredBy: causes.map(({ shown }) => shown),
        graceUntil: unmet.length === 0 ? null : await graceOf(user, causes, unmet),
        trustDevices: trustTtl > 0 && roles.every((role) => role.trustDevices && role.mfa === 'required'),
        selfRecovery: selfRecovery === 'delayed' && roles.length === 0,
      };
    },

    async endGrace(user) {
      const causes = causesOf(await demandingRoles(user));
      if (causes.length > 0) {
        await demands.note(
          user.id,
          causes.map(({ id }) => id),
          ENDED,
        );
      }
    },
  };

  /** The earliest demand counts: a further role prolongs nothing. */
  async function graceOf(user: Holder, causes: readonly Cause[], unmet: readonly Cause[]): Promise<Date | null> {
    if (grace === 0) return null;
    const ids = causes.map(({ id }) => id);
    const noted = await demands.note(user.id, ids, clock());
    const since = noted.filter(({ cause }) => unmet.some(({ id }) => id === cause)).map((one) => one.since.getTime());
    const until = after(new Date(Math.min(...since)), grace);
    return until > clock() ? until : null;
  }
}
