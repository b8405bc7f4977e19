import type { Clock } from '../../platform/clock.ts';
import { newId } from '../../platform/ids.ts';
import type { InstallationStore } from './installation-store.ts';

/**
 * The id of this installation, made at its first start: `await installationId({ store: storage.installation, clock })`. It tells apart
 * what several installations keep in one Redis.
 */
export async function installationId({ store, clock }: { store: InstallationStore; clock: Clock }): Promise<string> {
  const known = await store.find();
  if (known !== null) return known;
  const id = newId(clock());
  // Of instances that start together the first one wins.
  return (await store.insert(id)) ? id : installationId({ store, clock });
}
