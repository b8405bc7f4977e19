/** Whom a route admits. `byToken`: looks itself at whatever token it is given, dead ones too. */
export type AccessClass = 'public' | 'byToken' | 'optional' | 'signedIn' | 'verified' | 'permission';

export interface Rule {
  access: AccessClass;
  /** The answer's status for whoever is admitted and sends `{}`. */
  admitted: number;
  /** The same for superadmins, where it is another. */
  superadmin?: number;
  sensitive?: boolean;
  /** `sessions`: machines are admitted without one. */
  fresh?: boolean | 'sessions';
  /** Two factors, of whoever is admitted otherwise. */
  aal?: 2;
  /** Programs are admitted, though it asks only who calls. */
  machines?: boolean;
  /** Whoever is admitted is signed out by it. */
  endsCaller?: boolean;
  /** What the route needs to be asked properly. */
  query?: string;
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type AccessTable = Record<string, Rule>;

/** Everybody. */
export const open = (admitted: number): Rule => ({ access: 'public', admitted });
/** Whoever is signed in. */
export const mine = (admitted: number, more: Partial<Rule> = {}): Rule => ({ access: 'signedIn', admitted, ...more });
/** Whoever holds the route's permission. */
export const permitted = (admitted: number, more: Partial<Rule> = {}): Rule => ({
  access: 'permission',
  admitted,
  ...more,
});
