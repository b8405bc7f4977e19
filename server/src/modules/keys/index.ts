import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Part } from '../../platform/http/part.ts';
import type { Events } from '../events/events.ts';
import type { Periodic } from '../schedules/periodic.ts';
import { keyAdminRoutes } from './admin-routes.ts';
import { registerKeyJobs } from './jobs.ts';
import type { KeyStore, SigningAlgorithm } from './key-store.ts';
import { createKeys as createKeyPairs, type Keys } from './keys.ts';
import { metadataRoutes } from './metadata-routes.ts';
import { jwksRoutes } from './routes.ts';

export { keyErrors } from './errors.ts';
export type { Keys } from './keys.ts';
export { checkSecretKey } from './secret-check.ts';

/** The keys of the server, and what tends them: `createKeys({ ...ground, store: storage.keys, algorithm, issuer, rotation, periodic })`. */
export function createKeys(deps: {
  store: KeyStore;
  events: Events;
  keyring: Keyring;
  /** Of signing keys that are made from `start` on, by whichever instance. */
  algorithm: SigningAlgorithm;
  /** `iss` of access tokens: the public URL. */
  issuer: string;
  /** Milliseconds that a key is active. */
  rotation: number;
  periodic: Periodic;
  clock: Clock;
  log: Logger;
}): Keys & { part: Part } {
  const keys = createKeyPairs(deps);
  registerKeyJobs({ keys, periodic: deps.periodic });
  return {
    ...keys,
    part: {
      routes: [keyAdminRoutes({ keys })],
      pages: [jwksRoutes({ keys: keys.signing }), metadataRoutes(deps)],
      remembers: { evict: keys.evict, clear: keys.readAll },
    },
  };
}
