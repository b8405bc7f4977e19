import { both } from '../../platform/database/both.ts';
import { createMongoRoleStore } from './role-store.mongo.ts';
import { createSqlRoleStore } from './role-store.sql.ts';
import { createMongoSuperadminStore } from './superadmin-store.mongo.ts';
import { createSqlSuperadminStore } from './superadmin-store.sql.ts';

export const roles = both(createSqlRoleStore, createMongoRoleStore);
export const superadmins = both(createSqlSuperadminStore, createMongoSuperadminStore);
