import type { Config } from '../../platform/config/config.ts';
import { type Device, isBrowser, sameBrowser, sameDevice } from '../../platform/http/device.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { TokenTransport } from './schemas.ts';
import type { SessionRecord } from './session-store.ts';

/** A refresh token as a client sent it. */
export interface PresentedRefreshToken {
  text: string;
  transport: TokenTransport;
  /** Whether a device token beside it proves that this user has signed in on this client. */
  isKnownTo: (user: UserRecord) => boolean;
}

/** Whether two clients are one, as far as what they say of themselves tells. A window that is made small is no other client. */
export function sameClient(a: Device, b: Device): boolean {
  return sameDevice(a, b) || sameBrowser(a, b);
}

/**
 * Whether a refresh may come from this client. A cookie stays with its browser, which cannot change its make or system; a program that
 * sends one, such as a server-side front end, shows the device token that came with it. Tokens in bodies move: an application changes
 * its HTTP library, a browser hands its token to a server.
 */
export function mayRefresh(
  session: Pick<SessionRecord, 'device'>,
  user: UserRecord,
  device: Device,
  { transport, isKnownTo }: Pick<PresentedRefreshToken, 'transport' | 'isKnownTo'>,
  binding: Config['tokens']['refreshBinding'],
): boolean {
  if (binding === 'off' || transport === 'body' || !isBrowser(session.device)) return true;
  return isBrowser(device) ? sameBrowser(session.device, device) : isKnownTo(user);
}

/** The client to note in the session: the latest that refreshed and is not the one that signed in. */
export function refreshedBy(session: Pick<SessionRecord, 'device' | 'refreshedBy'>, device: Device): Device | null {
  return sameClient(session.device, device) ? session.refreshedBy : device;
}

/** Whether the session has been refreshed by a client that it did not know. */
export function isNewClient(session: Pick<SessionRecord, 'refreshedBy'>, noted: Device | null): boolean {
  return noted !== null && (session.refreshedBy === null || !sameClient(session.refreshedBy, noted));
}
