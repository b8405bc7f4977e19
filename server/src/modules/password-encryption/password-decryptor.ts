import type { KeyObject } from 'node:crypto';
import { createBoundedQueue } from '../../platform/crypto/bounded-queue.ts';
import { type Fault, platformErrors } from '../../platform/errors.ts';
import { faultsOfOne } from '../../platform/http/choices.ts';
import type { EncryptionKeys } from '../keys/encryption-keys.ts';
import { encryptionErrors } from './errors.ts';
import { type Jwe, openJwe, readJwe } from './jwe.ts';
import type { Nonce, NonceStore } from './nonce-store.ts';
import type { Nonces } from './nonces.ts';
import { type EncryptedName, encryptedName } from './schemas.ts';

type Without<Body, Name extends string> = Omit<Body, Name | EncryptedName<Name>>;

/**
 * Reads the passwords of a body, plain or encrypted (`passwordFields`). Call it after the limits of the route (those of a sign-in
 * need the password): an encrypted password costs a write and an RSA operation.
 *
 * Throws `validation_failed` for both fields of one password and for an empty password; `nonce_invalid`, after which a client fetches a
 * new nonce; `encrypted_invalid`; and `overloaded`, which does not use up the nonce.
 */
export interface PasswordDecryptor {
  /** The body with all of these passwords. Also throws `validation_failed` if one is missing. */
  open<Body extends object, Name extends string>(
    body: Body,
    ...names: Name[]
  ): Promise<Without<Body, Name> & Record<Name, string>>;
  /** The body with those of these passwords that it has. */
  openOptional<Body extends object, Name extends string>(
    body: Body,
    ...names: Name[]
  ): Promise<Without<Body, Name> & Partial<Record<Name, string>>>;
}

type Fields = Record<string, string | undefined>;
const EMPTY = 'This must not be empty.';

/** Number of concurrent decryptions, and of waiting ones. */
const CONCURRENCY = 4;
const QUEUE_LIMIT = 128;
/** Milliseconds: maximum wait, and assumed duration until one was measured. */
const LONGEST_WAIT = 600;
const EXPECTED = 5;

export function createPasswordDecryptor(deps: {
  nonces: Nonces;
  store: NonceStore;
  keys: Pick<EncryptionKeys, 'fetch'>;
  /** Milliseconds that a request may wait for the decryption of its password. */
  longestWait?: number | undefined;
}): PasswordDecryptor {
  const { nonces, store, keys, longestWait = LONGEST_WAIT } = deps;
  const queue = createBoundedQueue({
    concurrency: CONCURRENCY,
    limit: QUEUE_LIMIT,
    longestAnswer: longestWait,
    expected: EXPECTED,
    full: () => platformErrors.overloaded({ headers: { 'retry-after': '1' } }),
  });

  /** One request has one nonce, so that parts of two requests cannot be combined. */
  function nonceOf(jwes: Jwe[]): Nonce {
    const [text = '', ...others] = new Set(jwes.map(({ nonce }) => nonce));
    const nonce = others.length === 0 ? nonces.read(text) : null;
    return nonce ?? refuse('nonce_invalid');
  }

  async function withKey(jwe: Jwe): Promise<{ jwe: Jwe; key: KeyObject }> {
    return { jwe, key: (await keys.fetch(jwe.kid)) ?? refuse('encrypted_invalid') };
  }

  /** From cheap to expensive. The nonce is used up before RSA, so that a replay costs no RSA, and in the queue, so that a refused request keeps its nonce. */
  async function decrypt(texts: string[]): Promise<string[]> {
    const jwes = texts.map((text) => readJwe(text) ?? refuse('encrypted_invalid'));
    const nonce = nonceOf(jwes);
    const keyed = await Promise.all(jwes.map(withKey));
    return queue.run(async () => {
      if (!(await store.use(nonce))) refuse('nonce_invalid');
      const opened = await Promise.all(keyed.map(({ jwe, key }) => openJwe(jwe, key)));
      return opened.map((password) => password ?? refuse('encrypted_invalid'));
    });
  }

  async function take(body: object, names: string[], required: boolean): Promise<Fields> {
    const fields = body as Fields;
    demandNone(names.flatMap((name) => faultsOfOne(fields, [name, encryptedName(name)], { optional: !required })));
    const rest = { ...fields };
    const encrypted: { name: string; field: string; text: string }[] = [];
    for (const name of names) {
      const field = encryptedName(name);
      const text = fields[field];
      delete rest[field];
      if (text !== undefined) encrypted.push({ name, field, text });
    }
    if (encrypted.length === 0) return rest;
    const passwords = await decrypt(encrypted.map(({ text }) => text));
    const opened = encrypted.map(({ name, field }, i) => ({ name, field, password: passwords[i] ?? '' }));
    demandNone(
      opened.filter(({ password }) => password === '').map(({ field }) => ({ path: `/${field}`, message: EMPTY })),
    );
    return { ...rest, ...Object.fromEntries(opened.map(({ name, password }) => [name, password])) };
  }

  return {
    // All requested names are present, or it has thrown.
    open: async (body, ...names) => (await take(body, names, true)) as never,
    openOptional: async (body, ...names) => (await take(body, names, false)) as never,
  };
}

function demandNone(errors: Fault[]): void {
  if (errors.length > 0) throw platformErrors.validation_failed({ errors });
}

function refuse(code: keyof typeof encryptionErrors.table): never {
  throw encryptionErrors[code]();
}
