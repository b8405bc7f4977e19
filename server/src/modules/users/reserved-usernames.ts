import { lookAlikeKey } from './look-alikes.ts';

/**
 * Names under which a person would be taken for the service, for one who runs it, or for a part of its pages, and those under which mail
 * reaches whoever answers for a domain (RFC 2142): authorities for certificates ask there, too. Separators do not count. Before you add
 * one, think of what looks like it: `all` would take `Ali` from people.
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

/** Judges keys of user names. */
export type ReservedUsernames = (key: string) => boolean;

/**
 * The names that only administrators give: the shipped ones and `host`, with the changes of `entries` (`name` one more, `-name` one less).
 * Whoever has one keeps it. What looks like a reserved name is as reserved, with separators in any place or none.
 */
export function createReservedUsernames({ host, entries }: { host: string; entries: string[] }): ReservedUsernames {
  const keys = new Set([...SHIPPED.trim().split(/\s+/), host].map(bareKey));
  for (const entry of entries) {
    if (entry.startsWith('-')) keys.delete(bareKey(entry.slice(1)));
    else keys.add(bareKey(entry));
  }
  return (key) => keys.has(withoutSeparators(key));
}

/** Also of names that are too short for a person: `rne` can be taken for `me`. */
const bareKey = (name: string) =>
  withoutSeparators(lookAlikeKey(name.normalize('NFKC').toLowerCase().normalize('NFKC')));

const withoutSeparators = (key: string) => key.replaceAll(/[_.-]/g, '');
