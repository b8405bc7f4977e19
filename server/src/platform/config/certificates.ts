import { X509Certificate } from 'node:crypto';
import { InvalidValue } from './config-error.ts';
import type { Parser } from './parse-values.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** One certificate in PEM or several, with whatever else the file holds left out; line breaks may be written as `\n`. */
export const certificates: Parser<string> = (text) => {
  const blocks = text.replaceAll('\\n', '\n').match(BLOCK) ?? [];
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch {
    throw new InvalidValue('holds a certificate that cannot be read', 'Copy it anew, from -----BEGIN to -----END.');
  }
  if (blocks.length > 0) return `${blocks.join('\n')}\n`;
  throw new InvalidValue(
    'holds no certificate in PEM',
    'Set SMTP_CA_FILE to the path of the file with the certificate.',
  );
};
