import type { EventDraft } from '../events/event-store.ts';

/** A subject for programs: holds roles, has keys, and never signs in. */
export interface ServiceAccountRecord {
  /** UUIDv7. */
  id: string;
  name: string;
  description: string | null;
  /** A disabled one may do nothing, by none of its keys. */
  enabled: boolean;
  /** Ids of the granted roles; never includes that of the superadmins. */
  roleIds: string[];
  /** Ids of the users who are told about its keys. */
  ownerIds: string[];
  createdAt: Date;
  updatedAt: Date;
  /** Grows by one with every change; a verb that names an older version fails. */
  version: number;
}

/** The account that a change was decided on. */
export interface ServiceAccountAt {
  id: string;
  version: number;
  now: Date;
}

export type ServiceAccountPatch = Partial<
  Pick<ServiceAccountRecord, 'name' | 'description' | 'enabled' | 'roleIds' | 'ownerIds'>
>;

/** Service accounts in the database. Each verb writes its event and the change in one step. */
export interface ServiceAccountStore {
  insert(account: ServiceAccountRecord, event: EventDraft): Promise<void>;
  find(id: string): Promise<ServiceAccountRecord | null>;
  /** All of them, the oldest first. */
  list(): Promise<ServiceAccountRecord[]>;
  /** False if the account has changed since, or is deleted. */
  patch(at: ServiceAccountAt, patch: ServiceAccountPatch, event: EventDraft): Promise<boolean>;
  /** False if the account has changed since, or is deleted. */
  remove(at: ServiceAccountAt, event: EventDraft): Promise<boolean>;
}
