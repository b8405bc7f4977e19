/** Every store of the server, by the name that it has in `Storage`: one line a module. `open-storage.ts` opens them. */
export { roles, superadmins } from './modules/access/stores.ts';
export { apiKeys, serviceAccounts } from './modules/api-keys/stores.ts';
export { challenges, registrations } from './modules/auth/stores.ts';
export { events } from './modules/events/stores.ts';
export { factors } from './modules/factors/stores.ts';
export { files } from './modules/files/stores.ts';
export { throttles } from './modules/guessing/stores.ts';
export { imports } from './modules/imports/stores.ts';
export { installation } from './modules/installation/stores.ts';
export { jobs, workers } from './modules/jobs/stores.ts';
export { keys, secretChecks } from './modules/keys/stores.ts';
export { mfaDemands } from './modules/mfa/stores.ts';
export { nonces } from './modules/password-encryption/stores.ts';
export { heartbeats } from './modules/replicas/stores.ts';
export { schedules } from './modules/schedules/stores.ts';
export { sessions } from './modules/sessions/stores.ts';
export { users } from './modules/users/stores.ts';
export type { ReplicaStorage, Storage } from './open-storage.ts';
