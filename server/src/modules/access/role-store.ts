import type { EventDraft } from '../events/event-store.ts';

/** What a front end may show; the server only keeps the strings. */
export interface UiPermissions {
  buttons: string[];
  menus: string[];
}

export interface RoleRecord {
  id: string;
  /** Unique; what guards, tokens and people call it. */
  code: string;
  name: string;
  description: string | null;
  /** A role that is not grants nothing. */
  enabled: boolean;
  /** Came by migration: cannot be deleted, nor get another code. */
  builtIn: boolean;
  /** Codes and patterns, see `permission-pattern.ts`. */
  permissions: string[];
  uiPermissions: UiPermissions;
  /** Requests within so many seconds; null: no limit of its own. */
  rateLimit: { max: number; windowSeconds: number } | null;
  createdAt: Date;
  updatedAt: Date;
  /** Grows with every change; a verb that names an older one has lost. */
  version: number;
}

export type RolePatch = Partial<
  Pick<RoleRecord, 'code' | 'name' | 'description' | 'enabled' | 'permissions' | 'uiPermissions' | 'rateLimit'>
>;

/** What a verb met: it happened, somebody else was faster, or the code is in use. */
export type RoleChange = 'ok' | 'lost' | 'code_taken';

/** Names one state of one role; the verb happens to that state or not at all. */
export interface RoleAt {
  id: string;
  version: number;
  now: Date;
}

/** Every verb writes its event and the change in one atomic step. */
export interface RoleStore {
  insert(role: RoleRecord, event: EventDraft): Promise<RoleChange>;
  find(id: string): Promise<RoleRecord | null>;
  /** All there are, by their codes. */
  list(): Promise<RoleRecord[]>;
  patch(at: RoleAt, patch: RolePatch, event: EventDraft): Promise<RoleChange>;
  /** Whoever was granted it holds an id that grants nothing from then on. */
  remove(at: RoleAt, event: EventDraft): Promise<RoleChange>;
}
