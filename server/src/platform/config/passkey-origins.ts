import type { Values } from './variables.ts';

type Settings = Pick<Values, 'PASSKEY_RP_ID' | 'PASSKEY_ORIGINS' | 'PUBLIC_URL' | 'PAGES_URL' | 'CORS_ORIGINS'>;

/** The origins that may use passkeys: those that are set, or else those of this server's addresses that belong to the relying party id. */
export function passkeyOrigins(values: Settings): string[] {
  if (values.PASSKEY_ORIGINS !== null) return values.PASSKEY_ORIGINS;
  const { PUBLIC_URL, PAGES_URL, CORS_ORIGINS } = values;
  const addresses = [PUBLIC_URL, PAGES_URL ?? PUBLIC_URL, ...(CORS_ORIGINS ?? [])];
  const own = addresses.filter((address) => address !== '*' && belongsTo(values.PASSKEY_RP_ID, address));
  return [...new Set(own.map((address) => new URL(address).origin))];
}

/** Whether a page at this address may use passkeys of this id by itself (WebAuthn, 5.1.3). */
export function belongsTo(rpId: string, address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return /^https?:$/.test(protocol) && `.${hostname}`.endsWith(`.${rpId}`);
}
