import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Part } from '../../platform/http/part.ts';
import type { Events } from '../events/events.ts';
import type { Periodic } from '../schedules/periodic.ts';
import { keyAdminRoutes } from './admin-routes.ts';
import { registerKeyJobs } from './jobs.ts';
import type { KeyStore } from './key-store.ts';
import { createKeys as createKeyPairs, type Keys } from './keys.ts';
import { metadataRoutes } from './metadata-routes.ts';
import { jwksRoutes } from './routes.ts';

export type { Keys } from './keys.ts';
export { checkSecretKey } from './secret-check.ts';

/** The keys of the server, and what tends them: `createKeys({ ...ground, store: storage.keys, config, periodic })`. */
export function createKeys(deps: {
  store: KeyStore;
  events: Events;
  keyring: Keyring;
  config: Pick<Config, 'publicUrl' | 'tokens' | 'keyRotation'>;
  periodic: Periodic;
  clock: Clock;
  log: Logger;
}): Keys & { part: Part } {
  const { publicUrl: issuer, tokens, keyRotation: rotation } = deps.config;
  const keys = createKeyPairs({ ...deps, algorithm: tokens.algorithm, rotation });
  registerKeyJobs({ keys, periodic: deps.periodic });
  return {
    ...keys,
    part: {
      routes: [keyAdminRoutes({ keys })],
      pages: [jwksRoutes({ keys: keys.signing }), metadataRoutes({ issuer })],
      remembers: { evict: keys.evict, clear: keys.readAll },
    },
  };
}
