import { X509Certificate } from 'node:crypto';
import { InvalidValue } from './config-error.ts';
import type { Parser } from './parse-values.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** One or several PEM certificates, without anything else that the file contains; line breaks may be written as `\n`. */
export const certificates: Parser<string> = (text) => {
  const blocks = text.replaceAll('\\n', '\n').match(BLOCK) ?? [];
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch {
    throw new InvalidValue('contains a certificate that cannot be read', 'Copy it again, from -----BEGIN to -----END.');
  }
  if (blocks.length > 0) return `${blocks.join('\n')}\n`;
  throw new InvalidValue(
    'contains no PEM certificate',
    'Put the path of the file with the certificate into the variable that ends in _FILE.',
  );
};
