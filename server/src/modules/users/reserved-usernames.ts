import { lookAlikeKey } from './look-alikes.ts';

/**
 * Names that suggest the service, its staff or one of its pages, and the mailbox names of those responsible for a domain (RFC 2142),
 * to which certificate authorities write, too. Separators do not count. Before you add a name, consider its look-alikes: `all` would
 * also reserve `Ali`.
 */
const SHIPPED = `
  ostiary admin admins administrator administrators administration superadmin superadmins superuser sysadmin sysop root system daemon nobody
  owner operator moderator moderators mod mods staff team official support helpdesk help service services
  security abuse noc trust safety compliance legal privacy billing payment payments sales marketing press contact info
  postmaster hostmaster webmaster ssladmin ssladministrator sslwebmaster usenet news uucp ftp www web mail email
  noreply donotreply mailerdaemon bounce bounces notification notifications newsletter autoconfig autodiscover localhost
  me you everyone everybody user users guest guests anonymous unknown deleted erased null undefined none
  account accounts profile settings login logout signin signout signup register registration auth oauth password
  verify invitation session sessions setup console dashboard home index api docs redoc openapi swagger health ready
  metrics status static assets files download upload wellknown byname export
`;

/** Whether the look-alike key of a username is reserved. */
export type ReservedUsernames = (key: string) => boolean;

/**
 * Reserves the shipped names and `host`, as changed by `entries` (`name` adds one, `-name` removes one): only administrators assign them.
 * Users who already have one keep it. Look-alikes of a reserved name are reserved, too, with separators in any place or none.
 */
export function createReservedUsernames({ host, entries }: { host: string; entries: string[] }): ReservedUsernames {
  const keys = new Set([...SHIPPED.trim().split(/\s+/), host].map(bareKey));
  for (const entry of entries) {
    if (entry.startsWith('-')) keys.delete(bareKey(entry.slice(1)));
    else keys.add(bareKey(entry));
  }
  return (key) => keys.has(withoutSeparators(key));
}

/** Accepts names that are too short for a user, too: `rne` looks like `me`. */
const bareKey = (name: string) =>
  withoutSeparators(lookAlikeKey(name.normalize('NFKC').toLowerCase().normalize('NFKC')));

const withoutSeparators = (key: string) => key.replaceAll(/[_.-]/g, '');
