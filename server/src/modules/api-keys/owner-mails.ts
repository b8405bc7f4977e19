import type { Mail } from '../mails/mail.ts';
import type { Mails } from '../mails/mails.ts';
import type { UserStore } from '../users/user-store.ts';
import type { ApiKeyStore } from './api-key-store.ts';
import * as keyMails from './mails.ts';
import type { ServiceAccountStore } from './service-account-store.ts';

/** As many as a service account has owners at most. */
const MOST_OWNERS = 5;

/** Registers the mails about keys, for each owner one: the events say how many there are. */
export function addKeyMails(deps: {
  mails: Mails;
  store: ApiKeyStore;
  serviceStore: Pick<ServiceAccountStore, 'find'>;
  userStore: Pick<UserStore, 'find'>;
}): void {
  for (let place = 0; place < MOST_OWNERS; place++) addFor(place, deps);
}

function addFor(place: number, { mails, store, serviceStore, userStore }: Parameters<typeof addKeyMails>[0]): void {
  const find: keyMails.KeyMailDeps['find'] = async (keyId) => {
    const key = await store.find(keyId);
    if (key === null) return null;
    const ownerIds = key.kind === 'pat' ? [key.subjectId] : ((await serviceStore.find(key.subjectId))?.ownerIds ?? []);
    const ownerId = ownerIds[place];
    const owner = ownerId === undefined ? null : await userStore.find(ownerId);
    return owner && { key, owner };
  };
  const all = {
    keyMade: forPlace(keyMails.keyMade, place),
    keyExpiring: forPlace(keyMails.keyExpiring, place),
    keyInNewNetwork: forPlace(keyMails.keyInNewNetwork, place),
    keyRefused: forPlace(keyMails.keyRefused, place),
    keyReported: forPlace(keyMails.keyReported, place),
  } satisfies Record<keyof typeof keyMails, unknown>;
  mails.add(all, { find });
}

function forPlace<Values>(
  { when = () => true, ...mail }: Mail<keyMails.KeyMailDeps, Values>,
  place: number,
): Mail<keyMails.KeyMailDeps, Values> {
  return {
    ...mail,
    name: `${mail.name}-${place}`,
    when: (event) => Number(event.data.owners) > place && when(event),
  };
}
