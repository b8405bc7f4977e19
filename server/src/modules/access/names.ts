import type { Assurance } from '../../platform/http/caller.ts';

/** What a role demands of the credential of who uses it, from weak to strong. `required`: two factors. */
export const MFA_DEMANDS = ['off', 'required', 'phishing_resistant'] as const;
export type MfaDemand = (typeof MFA_DEMANDS)[number];

/** What a role demands; `trustDevices`: a device that its owner trusts stands for the second factor. */
export interface Demand {
  mfa: MfaDemand;
  trustDevices: boolean;
}

/** How surely who calls was proved, as far as roles ask: what demands a higher level grants nothing. */
export const Level = { oneFactor: 0, trustedDevice: 1, twoFactors: 2, phishingResistant: 3 } as const;
export type Level = (typeof Level)[keyof typeof Level];

/** The level of a credential. Costs a request no allocation. */
export function levelOf({ aal, phishingResistant, methods }: Omit<Assurance, 'authTime'>): Level {
  if (aal === 2) return phishingResistant ? Level.phishingResistant : Level.twoFactors;
  return methods.includes('trusted_device') ? Level.trustedDevice : Level.oneFactor;
}

/**
 * The level that a role demands. A trusted device never stands for a factor that no imitating page can use: whoever phished a code could have
 * made the device trusted.
 */
export function levelDemandedBy({ mfa, trustDevices }: Demand): Level {
  if (mfa === 'off') return Level.oneFactor;
  if (mfa === 'phishing_resistant') return Level.phishingResistant;
  return trustDevices ? Level.trustedDevice : Level.twoFactors;
}

/** The strictest of several demands; `off` for none. */
export function strictestOf(demands: readonly MfaDemand[]): MfaDemand {
  return demands.reduce((a, b) => (MFA_DEMANDS.indexOf(b) > MFA_DEMANDS.indexOf(a) ? b : a), 'off' as MfaDemand);
}
