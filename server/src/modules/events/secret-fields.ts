/** What ends the name of a secret, without its capitals, `_` and `-`: `passwordHash`, `refresh_token`; not `tokenId`, not `passwordVersion`. */
const SECRET =
  /(?:passwords?|passphrases?|passcodes?|passwd|pwd|hash(?:es)?|tokens?|secrets?|nonces?|otps?|jwts?|cookies?|credentials?|authorization)$/;
/** A code or key is a secret by what it is for; a role has a `code`, and a public key is public. */
const SECRET_CODE =
  /(?:verification|confirmation|activation|reset|recovery|backup|login|signin|invitation|auth|authorization|access|onetime|email|sms|mfa)codes?$/;
const SECRET_KEY = /(?:private|secret|api|access|signing|encryption|session|mac|hmac)keys?$/;

/**
 * The first field, at any depth, whose name says that it holds a secret; null if there is none. Only a truth value may have such a name:
 * `mustChangePassword` tells none.
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
