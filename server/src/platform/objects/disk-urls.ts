import type { Clock } from '../clock.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { sameSecret } from '../crypto/one-time.ts';

/** What a URL says beside its key, each a text of the query. */
export type UrlTerms = Readonly<Record<string, string>>;

export interface DiskUrls {
  /** `sign('PUT', 'uploads/018f…', { size: '5' }, expiresAt)`. */
  sign(method: string, key: string, terms: UrlTerms, expiresAt: Date): string;
  /** The terms of a genuine query that has not expired; null for anything else. Costs one MAC and nothing more. */
  read(method: string, key: string, query: string): UrlTerms | null;
}

/**
 * Signed URLs as S3 has them: the signature covers method, key, expiry and every other parameter, so that none can be changed, added, left
 * out or carried over to another object.
 */
export function createDiskUrls(deps: { keyring: Keyring; clock: Clock; base: string }): DiskUrls {
  const { keyring, clock, base } = deps;

  /** Also of parameters that are there twice: what is signed is all of them. */
  function macOf(method: string, key: string, terms: [string, string][], keyId: string): string {
    const sorted = terms.map(([name, value]) => JSON.stringify([name, value])).sort();
    return keyring.mac('object-url', [method, key, ...sorted], keyId).toString('base64url');
  }

  return {
    sign(method, key, terms, expiresAt) {
      const keyId = keyring.currentKeyId;
      const all: [string, string][] = [...Object.entries(terms), ['expires', secondsOf(expiresAt)], ['by', keyId]];
      const query = new URLSearchParams([...all, ['signature', macOf(method, key, all, keyId)]]);
      return `${base}/${key}?${query}`;
    },

    read(method, key, query) {
      const all = [...new URLSearchParams(query)];
      const [signature, ...others] = all.filter(([name]) => name === 'signature').map(([, value]) => value);
      const rest = all.filter(([name]) => name !== 'signature');
      const { by: keyId = '', expires = '', ...terms } = Object.fromEntries(rest);
      if (signature === undefined || others.length > 0 || !keyring.has(keyId)) return null;
      if (!sameSecret(signature, macOf(method, key, rest, keyId))) return null;
      return Number(expires) * 1000 > clock().getTime() ? terms : null;
    },
  };
}

const secondsOf = (time: Date): string => String(Math.floor(time.getTime() / 1000));
