import { createHash } from 'node:crypto';
import type { Insertable, Selectable } from 'kysely';
import {
  type BoolColumn,
  type JsonColumn,
  type NullableTimeColumn,
  type TimeColumn,
  toDate,
  toDateOrNull,
} from '../../platform/database/values.ts';
import type { FactorsRecord, PasskeyRecord, RecoveryCodes, TotpRecord, TrustedDevice } from './factor-store.ts';

export interface FactorsRow {
  user_id: string;
  handle: string;
  recovery: JsonColumn | null;
  trusted: JsonColumn;
  reset_at: NullableTimeColumn;
  credential_epoch: number;
  version: number;
}

export interface PasskeyRow {
  id: string;
  user_id: string;
  credential_id: string;
  credential_hash: string;
  public_key: string;
  algorithm: number;
  counter: number;
  name: string;
  aaguid: string;
  device_type: PasskeyRecord['deviceType'];
  backed_up: BoolColumn;
  transports: JsonColumn;
  created_at: TimeColumn;
  last_used_at: NullableTimeColumn;
  last_device: string | null;
}

export interface TotpRow {
  id: string;
  user_id: string;
  name: string;
  sealed_secret: string;
  last_step: number;
  created_at: TimeColumn;
  last_used_at: NullableTimeColumn;
}

export type FactorTables = { factors: FactorsRow; factor_passkeys: PasskeyRow; factor_totp: TotpRow };

/** Stands for a credential id where it must be unique: the ids themselves are too long for an index. */
export function credentialHash(credentialId: string): string {
  return createHash('sha256').update(credentialId).digest('base64url');
}

export function passkeyRow(userId: string, passkey: PasskeyRecord): Insertable<PasskeyRow> {
  return {
    id: passkey.id,
    user_id: userId,
    credential_id: passkey.credentialId,
    credential_hash: credentialHash(passkey.credentialId),
    public_key: passkey.publicKey,
    algorithm: passkey.algorithm,
    counter: passkey.counter,
    name: passkey.name,
    aaguid: passkey.aaguid,
    device_type: passkey.deviceType,
    backed_up: passkey.backedUp,
    transports: JSON.stringify(passkey.transports),
    created_at: passkey.createdAt,
    last_used_at: passkey.lastUsedAt,
    last_device: passkey.lastDevice,
  };
}

export function totpRow(userId: string, totp: TotpRecord): Insertable<TotpRow> {
  return {
    id: totp.id,
    user_id: userId,
    name: totp.name,
    sealed_secret: totp.sealedSecret,
    last_step: totp.lastStep,
    created_at: totp.createdAt,
    last_used_at: totp.lastUsedAt,
  };
}

export function toFactors(
  row: Selectable<FactorsRow>,
  passkeys: readonly Selectable<PasskeyRow>[],
  totp: readonly Selectable<TotpRow>[],
): FactorsRecord {
  return {
    userId: row.user_id,
    handle: row.handle,
    passkeys: passkeys.map(toPasskey),
    totp: totp.map(toTotp),
    recovery: row.recovery === null ? null : toRecovery(row.recovery),
    trusted: toTrusted(row.trusted),
    resetAt: toDateOrNull(row.reset_at),
    credentialEpoch: row.credential_epoch,
    version: row.version,
  };
}

function toPasskey(row: Selectable<PasskeyRow>): PasskeyRecord {
  return {
    id: row.id,
    credentialId: row.credential_id,
    publicKey: row.public_key,
    algorithm: row.algorithm,
    counter: row.counter,
    name: row.name,
    aaguid: row.aaguid,
    deviceType: row.device_type,
    backedUp: Boolean(row.backed_up),
    transports: JSON.parse(row.transports),
    createdAt: toDate(row.created_at),
    lastUsedAt: toDateOrNull(row.last_used_at),
    lastDevice: row.last_device,
  };
}

function toTotp(row: Selectable<TotpRow>): TotpRecord {
  return {
    id: row.id,
    name: row.name,
    sealedSecret: row.sealed_secret,
    lastStep: row.last_step,
    createdAt: toDate(row.created_at),
    lastUsedAt: toDateOrNull(row.last_used_at),
  };
}

type Written<T> = { [Field in keyof T]: T[Field] extends Date ? string : T[Field] };

/** Recovery codes as a column holds them: JSON, with times as text. */
export function toRecovery(text: string): RecoveryCodes {
  const { hashes, createdAt } = JSON.parse(text) as Written<RecoveryCodes>;
  return { hashes, createdAt: new Date(createdAt) };
}

function toTrusted(text: string): TrustedDevice[] {
  const devices = JSON.parse(text) as Written<TrustedDevice>[];
  return devices.map((one) => ({ ...one, createdAt: new Date(one.createdAt), until: new Date(one.until) }));
}
