import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { ObjectStorage } from './objects.ts';

/** The routes that answer the URLs of a folder, below the address of this server. */
export const OBJECTS_PATH = '/api/v1/objects';

/** The configured storage: a bucket, or a folder in `DATA_DIR`. Nothing is asked of it yet: `await openObjects({ config, keyring, clock })`. */
export async function openObjects(deps: { config: Config; keyring: Keyring; clock: Clock }): Promise<ObjectStorage> {
  const { config, keyring, clock } = deps;
  if (config.s3 !== null) {
    // Loaded only with a bucket, to save time at start.
    const { createS3Objects } = await import('./s3.ts');
    return createS3Objects({ ...config.s3, clock });
  }
  const { createDiskObjects } = await import('./disk.ts');
  const publicUrl = `${config.publicUrl}${OBJECTS_PATH}`;
  return createDiskObjects({ folder: join(config.dataDir, 'objects'), publicUrl, keyring, clock });
}
