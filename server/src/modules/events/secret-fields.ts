/** Endings of names of secrets, ignoring case, `_` and `-`: `passwordHash`, `refresh_token`; not `tokenId`, not `passwordVersion`. */
const SECRET =
  /(?:passwords?|passphrases?|passcodes?|passwd|pwd|hash(?:es)?|tokens?|secrets?|nonces?|otps?|jwts?|cookies?|credentials?|authorization)$/;
/** Not every code or key is a secret: a role has a `code`, and a public key is public. */
const SECRET_CODE =
  /(?:verification|confirmation|activation|reset|recovery|backup|login|signin|invitation|auth|authorization|access|onetime|email|sms|mfa)codes?$/;
const SECRET_KEY = /(?:private|secret|api|access|signing|encryption|session|mac|hmac)keys?$/;

/**
 * The first field, at any depth, whose name is that of a secret; null if there is none. Only a boolean may have such a name, such as
 * `mustChangePassword`.
 */
export function secretField(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    const name = key.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
    const telling = SECRET.test(name) || SECRET_CODE.test(name) || SECRET_KEY.test(name);
    if (telling && typeof inner !== 'boolean') return key;
    const found = secretField(inner);
    if (found !== null) return found;
  }
  return null;
}
