import { after, type Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { createMacTokens } from '../../platform/crypto/mac-token.ts';
import { countryOf } from '../../platform/geo/country.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { parseDevice } from '../../platform/http/device.ts';
import { idOfBytes, idToBytes, newId } from '../../platform/ids.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Events } from '../events/events.ts';
import type { FactorStore, TrustedDevice } from '../factors/factor-store.ts';
import type { FactorRecords } from '../factors/records.ts';
import type { UserRecord } from '../users/user-store.ts';
import { mfaErrors } from './errors.ts';
import type { TrustCookie } from './trust-cookie.ts';

/** What a token of trust is bound to: a new password or a lock-down makes it void. */
export type TrustOwner = Pick<UserRecord, 'id' | 'passwordVersion' | 'grantEpoch' | 'credentialEpoch'>;

/** Browsers that excuse from the second factor, after the right password only. They prove nothing, so nobody is *fresh* by one. */
export interface TrustedDevices {
  /** Whether the caller's browser is one that the user still trusts. `trusted`: as their factors list them. */
  isTrusted(caller: Caller, user: TrustOwner, trusted: readonly TrustedDevice[]): boolean;
  /** Trusts the caller's browser; answers its tokens with the new one, for the cookie. Null where devices are not trusted. */
  trust(caller: Caller, user: TrustOwner): Promise<string | null>;
  /** Trusts one no more, or any. Throws `trusted_device_not_found`. */
  distrust(caller: Caller, user: TrustOwner, id: string | null): Promise<void>;
}

const ID_BYTES = 16;
/** At most so many devices of a user, and users of a browser; the earliest goes. */
const MOST_DEVICES = 10;
const MOST_USERS = 4;

/** A token counts only while its device is listed, which is removed with any change of a factor. */
export function createTrustedDevices(deps: {
  store: FactorStore;
  records: FactorRecords;
  cookie: TrustCookie;
  /** Milliseconds; 0: no device is trusted. */
  ttl: number;
  events: Events;
  keyring: Keyring;
  clock: Clock;
}): TrustedDevices {
  const { store, records, cookie, ttl, events, keyring, clock } = deps;
  const sealed = createMacTokens({ keyring, purpose: 'trusted-device', bodyBytes: ID_BYTES });
  const contextOf = ({ id, passwordVersion, grantEpoch }: TrustOwner) => [id, `${passwordVersion}`, `${grantEpoch}`];
  const split = (tokens: string) => tokens.split('.', MOST_USERS).filter((token) => token !== '');

  function idIn(token: string, user: TrustOwner): string | null {
    const bytes = sealed.read(token, ...contextOf(user));
    return bytes && idOfBytes(bytes);
  }

  const idsIn = (tokens: string, user: TrustOwner) => split(tokens).flatMap((token) => idIn(token, user) ?? []);

  /** Replaces the list by what `next` makes of it; nothing if that is null. */
  async function change(
    caller: Caller,
    user: TrustOwner,
    next: (trusted: readonly TrustedDevice[]) => { trusted: TrustedDevice[]; type: string; data: object } | null,
  ): Promise<void> {
    await untilWon(
      async () => {
        const record = await records.current(user);
        const wanted = next(record.trusted);
        if (wanted === null) return true;
        const about = { target: `factors:${user.id}`, userId: user.id };
        const event = events.describe(caller, { type: wanted.type, ...about, data: { ...wanted.data } });
        return (await store.setTrusted(record, wanted.trusted, event)) === 'ok' ? true : null;
      },
      { record: `factors:${user.id}` },
    );
  }

  return {
    isTrusted(caller, user, trusted) {
      if (ttl === 0 || trusted.length === 0) return false;
      const ids = idsIn(cookie.read(caller), user);
      return trusted.some(({ id, until }) => until > clock() && ids.includes(id));
    },

    async trust(caller, user) {
      if (ttl === 0) return null;
      const tokens = cookie.read(caller);
      const now = clock();
      const former = idsIn(tokens, user);
      const id = newId(now);
      const device = parseDevice(caller.userAgent);
      const added = { id, device, country: countryOf(caller.ip), createdAt: now, until: after(now, ttl) };
      await change(caller, user, (trusted) => {
        const others = trusted.filter((one) => one.until > now && !former.includes(one.id));
        const kept = others.sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime()).slice(1 - MOST_DEVICES);
        return { trusted: [...kept, added], type: 'factors.device_trusted', data: { deviceId: id } };
      });
      const others = split(tokens).filter((token) => idIn(token, user) === null);
      const mine = sealed.make(idToBytes(id), ...contextOf(user));
      return [mine, ...others].slice(0, MOST_USERS).join('.');
    },

    distrust: (caller, user, id) =>
      change(caller, user, (trusted) => {
        const kept = id === null ? [] : trusted.filter((one) => one.id !== id);
        if (id !== null && kept.length === trusted.length) throw mfaErrors.trusted_device_not_found();
        if (trusted.length === 0) return null;
        return { trusted: kept, type: 'factors.devices_distrusted', data: { deviceId: id } };
      }),
  };
}
