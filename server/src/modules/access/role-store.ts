import type { EventDraft } from '../events/event-store.ts';
import type { Demand } from './names.ts';

/** Strings that tell a front end what to show; the server only stores them. */
export interface UiPermissions {
  buttons: string[];
  menus: string[];
}

export interface RoleRecord extends Demand {
  id: string;
  /** Unique; guards, tokens and people name the role by it. */
  code: string;
  name: string;
  description: string | null;
  /** A disabled role grants nothing. */
  enabled: boolean;
  /** Inserted by a migration; cannot be deleted or get another code. */
  builtIn: boolean;
  /** Codes and patterns, see `permission-pattern.ts`. */
  permissions: string[];
  uiPermissions: UiPermissions;
  /** At most `max` requests in `windowSeconds`; null: the role sets no limit. */
  rateLimit: { max: number; windowSeconds: number } | null;
  /** At most so many bytes in so many files; null: the role sets no quota. */
  fileQuota: { bytes: number; files: number } | null;
  createdAt: Date;
  updatedAt: Date;
  /** Grows by one with every change; a verb with an older version answers `lost`. */
  version: number;
}

export type RolePatch = Partial<
  Pick<
    RoleRecord,
    | ('code' | 'name' | 'description' | 'enabled' | 'permissions' | 'uiPermissions' | 'rateLimit' | 'fileQuota')
    | keyof Demand
  >
>;

/** The result of a verb: done, another write came first, or another role has the code. */
export type RoleChange = 'ok' | 'lost' | 'code_taken';

/** One state of one role: the verb changes exactly this state, or nothing. */
export interface RoleAt {
  id: string;
  version: number;
  now: Date;
}

/** Every verb writes its event and the change in one atomic step. */
export interface RoleStore {
  insert(role: RoleRecord, event: EventDraft): Promise<RoleChange>;
  find(id: string): Promise<RoleRecord | null>;
  /** All roles, ordered by code. */
  list(): Promise<RoleRecord[]>;
  patch(at: RoleAt, patch: RolePatch, event: EventDraft): Promise<RoleChange>;
  /** Users keep the id of a removed role; it grants nothing. */
  remove(at: RoleAt, event: EventDraft): Promise<RoleChange>;
}
