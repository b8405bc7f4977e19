import { createPrivateKey } from 'node:crypto';
import { InvalidValue } from './config-error.ts';
import type { Parser } from './parse-values.ts';

const FIX =
  'Set it to the output of: openssl genrsa 2048 (in one line, with \\n for its line breaks, or by MAIL_DKIM_KEY_FILE)';
/** RFC 8301, 3.2: receivers do not accept shorter keys. */
const LEAST_BITS = 2048;

/** A PEM private RSA key; line breaks may be written as `\n`. */
export const dkimKey: Parser<string> = (text) => {
  const pem = text.replaceAll('\\n', '\n');
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPrivateKey(pem);
    if (type === 'rsa' && (details?.modulusLength ?? 0) >= LEAST_BITS) return pem;
  } catch {
    throw new InvalidValue('is not a PEM private key', FIX);
  }
  throw new InvalidValue(`is not an RSA key of ${LEAST_BITS} bits or more`, FIX);
};

/** The name under which receivers find the public key: `<selector>._domainkey.<domain>` (RFC 6376, 3.1). */
export const dkimSelector: Parser<string> = (text) => {
  const label = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/i;
  if (text.length > 200 || !text.split('.').every((part) => label.test(part))) {
    throw new InvalidValue('is not a DNS label, or several with dots', 'Write a name such as mail2026.');
  }
  return text;
};
