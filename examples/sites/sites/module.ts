import { defineModule } from 'ostiary';
import { siteErrors } from './errors.ts';
import { createSites } from './index.ts';
import * as stores from './stores.ts';

/** Sites, the users who look after them, and violations that they report. */
export const sites = defineModule({
  name: 'sites',
  migrations: new URL('./migrations/', import.meta.url),
  stores,
  errors: [siteErrors],
  tags: [
    { name: 'Sites', description: 'Places, and who looks after them.' },
    { name: 'Violations', description: 'What is wrong at a site, with evidence.' },
  ],
  create: ({ ground, storage, userStore, ...services }) =>
    createSites({ ...ground, ...services, siteStore: storage.sites, violationStore: storage.violations }),
});
