import { type FirebaseParameters, firebaseHash } from '../../../platform/crypto/hash-formats/firebase.ts';
import { ImportFailed } from '../imported-person.ts';
import type { FormatName } from './formats.ts';
import type { Mapping } from './mapping.ts';
import { type Row, textOf } from './person-of.ts';

/** The password hash of a row, where a format keeps it in parts; undefined: the mapping names its column. */
export function hashReaderOf(format: FormatName, { firebase }: Mapping): (row: Row) => string | null | undefined {
  if (format === 'keycloak') return keycloakHash;
  if (format !== 'firebase') return () => undefined;
  return (row) => firebaseHashOf(row, firebase);
}

function firebaseHashOf(row: Row, parameters: FirebaseParameters | undefined): string | null {
  const [digest, salt] = [textOf(row.passwordHash), textOf(row.salt)];
  if (digest === null || salt === null) return null;
  if (!parameters) {
    throw new ImportFailed(
      'Firebase hashes need the parameters of their project: copy them from its console into "firebase" of the mapping.',
    );
  }
  return firebaseHash(parameters, { salt, digest });
}

/** What Keycloak names by the function alone. */
const KEYCLOAK_PBKDF2: Record<string, string> = {
  pbkdf2: 'sha1',
  'pbkdf2-sha256': 'sha256',
  'pbkdf2-sha512': 'sha512',
};

/** The PHC string of a password of Keycloak: PBKDF2 or Argon2, whose parts stand in JSON inside the JSON. Other kinds are told as unknown. */
function keycloakHash({ credentials }: Row): string | null {
  if (!Array.isArray(credentials)) return null;
  const password = (credentials as Row[]).find(({ type }) => type === 'password');
  if (!password) return null;
  const data = partsOf(password.credentialData);
  const secret = partsOf(password.secretData);
  const [salt, digest] = [bare(secret.salt), bare(secret.value)];
  const algorithm = textOf(data.algorithm) ?? '';
  const rounds = textOf(data.hashIterations) ?? '';
  const pbkdf2 = KEYCLOAK_PBKDF2[algorithm];
  if (pbkdf2 !== undefined) {
    const length = Buffer.from(digest, 'base64').length;
    return `$pbkdf2-${pbkdf2}$i=${rounds},l=${length}$${salt}$${digest}`;
  }
  if (algorithm !== 'argon2') return `{${algorithm}}`;
  const parameter = (name: string) => textOf([partsOf(data.additionalParameters)[name]].flat()[0]) ?? '';
  const version = parameter('version') === '1.0' ? 16 : 19;
  const cost = `m=${parameter('memory')},t=${rounds},p=${parameter('parallelism')}`;
  return `$argon2${parameter('type')}$v=${version}$${cost}$${salt}$${digest}`;
}

function partsOf(value: unknown): Row {
  const object = typeof value === 'string' ? JSON.parse(value) : value;
  return typeof object === 'object' && object !== null ? object : {};
}

const bare = (value: unknown) => (textOf(value) ?? '').replace(/=+$/, '');
