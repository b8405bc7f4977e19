import { readArgon2 } from './argon2.ts';
import { readAspNetIdentity } from './aspnet-identity.ts';
import { readBcrypt } from './bcrypt.ts';
import { readFirebase } from './firebase.ts';
import { readLdap } from './ldap.ts';
import { readPbkdf2 } from './pbkdf2.ts';
import { readPhpass } from './phpass.ts';
import { readScrypt } from './scrypt.ts';
import { type HashReader, MAX_STORED_LENGTH } from './stored-hash.ts';

const readers: HashReader[] = [
  readArgon2,
  readBcrypt,
  readPbkdf2,
  readScrypt,
  readPhpass,
  readAspNetIdentity,
  readLdap,
  readFirebase,
];

/** Parses a stored hash of any supported format. Null if it is unknown, malformed or absurdly expensive; never throws. */
export const readStoredHash: HashReader = (stored) => {
  if (stored.length > MAX_STORED_LENGTH) return null;
  for (const read of readers) {
    const found = read(stored);
    if (found) return found;
  }
  return null;
};
