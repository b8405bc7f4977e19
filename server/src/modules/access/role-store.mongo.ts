import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import type { Stored } from '../../platform/database/stored.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import type { RoleChange, RolePatch, RoleRecord, RoleStore } from './role-store.ts';

type Always =
  | ('name' | 'description' | 'enabled' | 'builtIn' | 'permissions' | 'uiPermissions' | 'rateLimit')
  | ('createdAt' | 'updatedAt' | 'version');
/** `code` null: a tombstone, kept until its last event has been moved out of it; the unique index ignores it. */
type RoleDocument = Stored<Omit<RoleRecord, 'id' | 'code'>, Always> & { _id: string; code: string | null };

const LIVING = { code: { $gte: '' } } as const;
const RECORD = { projection: { outbox: 0 } } as const;

/** Roles on MongoDB. */
export function createMongoRoleStore(deps: { database: Database; outbox: MongoOutbox }): RoleStore {
  const roles = mongoOf(deps.database).db.collection<RoleDocument>('roles');
  const outbox = deps.outbox.attach(roles);

  return {
    async insert({ id, ...role }, event) {
      try {
        await outbox.insert({ _id: id, ...role }, event, role.version);
        return 'ok';
      } catch (error) {
        return takenCode(error);
      }
    },

    async find(id) {
      const document = await roles.findOne({ _id: { $eq: id }, ...LIVING }, RECORD);
      return document && toRecord(document);
    },

    async list() {
      const documents = await roles.find(LIVING, RECORD).sort({ code: 1 }).toArray();
      return documents.map(toRecord);
    },

    async patch({ id, version, now }, patch, event) {
      const next = { ...said(patch), updatedAt: now, version: version + 1 };
      try {
        return (await outbox.change({ _id: { $eq: id }, version, ...LIVING }, next, event, next.version))
          ? 'ok'
          : 'lost';
      } catch (error) {
        return takenCode(error);
      }
    },

    async remove({ id, version, now }, event) {
      const next = { code: null, updatedAt: now, version: version + 1 };
      if (!(await outbox.change({ _id: { $eq: id }, version, ...LIVING }, next, event, next.version))) return 'lost';
      // No read finds the role any more, so a tombstone that stays behind does no harm.
      await outbox.remove(id).catch(() => {});
      return 'ok';
    },
  };
}

function takenCode(error: unknown): RoleChange {
  if (uniqueViolation(error)?.includes('code')) return 'code_taken';
  throw error;
}

/** Omits undefined fields, which the driver would write as null. */
function said(patch: RolePatch): RolePatch {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
}

function toRecord(document: RoleDocument): RoleRecord {
  const { _id: id, code, fileQuota = null, mfa = 'off', trustDevices = false, ...role } = document;
  return { id, code: code ?? '', fileQuota, mfa, trustDevices, ...role };
}
