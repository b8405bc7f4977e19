import { readFileSync } from 'node:fs';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { DatabaseUnreachable } from './errors.ts';

/**
 * What a URL says of TLS. `verify-full`: the certificate is of a trusted authority and names the host; `verify-ca`: any host of a private
 * authority; `no-verify`: encrypted, but to whom is not known.
 */
export interface Tls {
  mode: 'off' | 'no-verify' | 'verify-ca' | 'verify-full';
  /** Paths of PEM files. */
  authority: string | null;
  certificate: string | null;
  /** Null: with the certificate. */
  key: string | null;
}

type Mode = Tls['mode'];

/** The values of `sslmode`, `ssl`, `tls` … of all drivers and providers, without `-` and `_`. A word that asks for TLS gets it verified. */
const WORDS = new Map<string, Mode>(
  Object.entries({
    off: 'disable disabled false 0 no off none',
    'no-verify': 'noverify skipverify acceptinvalidcerts',
    'verify-ca': 'verifyca',
    'verify-full': 'allow prefer preferred require required true 1 yes on strict verifyfull verifyidentity',
  }).flatMap(([mode, words]) => words.split(' ').map((word) => [word, mode as Mode] as const)),
);

/** Options whose value is one of these words. */
const MODES = new Set(['sslmode', 'ssl', 'tls', 'usessl', 'requiressl', 'sslaccept']);
/** Options that say whether the certificate is checked, if there is TLS. */
const CHECKS = new Set(['verifyservercertificate', 'sslverifyservercert', 'sslverifycert', 'sslverifyidentity']);
const FILES: Record<string, 'authority' | 'certificate' | 'key'> = {
  sslrootcert: 'authority',
  sslca: 'authority',
  sslcert: 'certificate',
  sslkey: 'key',
};

/** Names of options of TLS, in lower case without `-` and `_`. */
export const TLS_OPTIONS: readonly string[] = [...MODES, ...CHECKS, ...Object.keys(FILES), 'uselibpqcompat'];

/** What the options of a URL say together; null if they do not say. `options` have names as in `TLS_OPTIONS`. Throws a `TypeError`. */
export function readTls(options: ReadonlyMap<string, string>): Tls | null {
  const modes = new Set<Mode>();
  const files: Pick<Tls, 'authority' | 'certificate' | 'key'> = { authority: null, certificate: null, key: null };
  const isLibpq = options.get('uselibpqcompat') === 'true';
  for (const [name, text] of options) {
    const file = FILES[name];
    if (file !== undefined && text !== '') files[file] = text;
    if (MODES.has(name)) modes.add(modeOf(text, isLibpq));
    // A check that is asked for is what TLS means here; of one that is not, TLS is the precondition.
    if (CHECKS.has(name)) modes.add(wordOf(text) === 'off' ? 'no-verify' : wordOf(text));
  }
  // libpq: the authorities of the system.
  if (files.authority === 'system') files.authority = null;
  else if (files.authority !== null) modes.add('verify-full');
  if (files.certificate !== null) modes.add('verify-full');
  if (files.certificate === null && files.key !== null) throw new TypeError('has sslkey without sslcert');
  if (modes.has('off') && modes.size > 1) throw new TypeError('has options that switch TLS both on and off');
  const [mode] = (['off', 'no-verify', 'verify-ca', 'verify-full'] as const).filter((one) => modes.has(one));
  return mode === undefined ? null : { mode, ...files };
}

function wordOf(text: string): Mode {
  const mode = WORDS.get(text.toLowerCase().replace(/[-_]/g, ''));
  if (mode === undefined) throw new TypeError('has an unknown word for TLS');
  return mode;
}

function modeOf(text: string, isLibpq: boolean): Mode {
  const word = text.toLowerCase().replace(/[-_]/g, '');
  // `sslmode=require` of libpq encrypts and checks nothing: taken so only where a URL says that libpq is meant.
  if (isLibpq && ['require', 'prefer', 'allow'].includes(word)) return 'no-verify';
  // mysql2 and the consoles of its providers: ssl={"rejectUnauthorized":true}.
  const checked = /^\{\s*(?:"rejectUnauthorized"\s*:\s*(true|false)\s*)?\}$/i.exec(text);
  if (checked !== null) return checked[1] === 'false' ? 'no-verify' : 'verify-full';
  return wordOf(text);
}

/** Options for `tls.connect`. */
export interface TlsOptions {
  /** PEM. */
  ca?: string;
  cert?: string;
  key?: string;
  rejectUnauthorized: boolean;
  /** Whether the certificate must name the host. */
  checkServerIdentity: (name: string, certificate: PeerCertificate) => Error | undefined;
}

/**
 * How to connect to `host`, or null for no TLS; `authority` are PEM certificates that are trusted instead of the public ones. Throws
 * `DatabaseUnreachable` for a file that cannot be read.
 */
export function tlsOptions(tls: Tls | null, authority: string | null, host: string): TlsOptions | null {
  if (tls?.mode === 'off' || (tls === null && authority === null)) return null;
  const ca = authority ?? readPem(tls?.authority ?? null, 'sslrootcert');
  return {
    ...(ca !== null && { ca }),
    ...(tls?.certificate && {
      cert: readPem(tls.certificate, 'sslcert') ?? '',
      key: readPem(tls.key ?? tls.certificate, 'sslkey') ?? '',
    }),
    rejectUnauthorized: tls?.mode !== 'no-verify',
    checkServerIdentity: (_name, certificate) =>
      isNameChecked(tls, ca) ? checkServerIdentity(host, certificate) : undefined,
  };
}

/** Everybody gets certificates of a public authority for some name: without a private one, the name is what tells the server. */
export function isNameChecked(tls: Tls | null, ca: string | null): boolean {
  return tls?.mode !== 'no-verify' && !(tls?.mode === 'verify-ca' && ca !== null);
}

function readPem(path: string | null, option: string): string | null {
  if (path === null) return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new DatabaseUnreachable(`The file of ${option} in the database URL cannot be read (${code}).`, error);
  }
}
