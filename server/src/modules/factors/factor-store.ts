import type { Device } from '../../platform/http/device.ts';
import type { EventDraft } from '../events/event-store.ts';

/** A WebAuthn credential; the names are those of WebAuthn level 3. */
export interface PasskeyRecord {
  /** UUIDv7. */
  id: string;
  /** base64url, of up to 1023 bytes; unique over all users. */
  credentialId: string;
  /** COSE, base64url. */
  publicKey: string;
  /** Of the IANA COSE algorithms, such as -7. */
  algorithm: number;
  /** Signatures that its authenticator counted; 0 for one that does not. */
  counter: number;
  name: string;
  aaguid: string;
  deviceType: 'singleDevice' | 'multiDevice';
  backedUp: boolean;
  transports: string[];
  createdAt: Date;
  lastUsedAt: Date | null;
  lastDevice: string | null;
}

/** An authenticator app (RFC 6238). */
export interface TotpRecord {
  /** UUIDv7. */
  id: string;
  name: string;
  /** As the keyring seals it: the id of a key, and base64url. */
  sealedSecret: string;
  /** The latest time step whose code was used: no earlier one, and not this one, is taken again. */
  lastStep: number;
  createdAt: Date;
  lastUsedAt: Date | null;
}

/** A browser that is not asked for a second factor after the password. */
export interface TrustedDevice {
  /** UUIDv7. */
  id: string;
  device: Device;
  country: string | null;
  createdAt: Date;
  until: Date;
}

export interface RecoveryCodes {
  /** SHA-256 of those that are left, base64url. */
  hashes: string[];
  createdAt: Date;
}

/** All factors of one user but the password: limits, and what is the last one, are decided on one version of one record. */
export interface FactorsRecord {
  userId: string;
  /** The user handle of WebAuthn: 32 random bytes, base64url; unique. */
  handle: string;
  passkeys: PasskeyRecord[];
  totp: TotpRecord[];
  recovery: RecoveryCodes | null;
  trusted: TrustedDevice[];
  /** A reset that was asked for takes effect then. */
  resetAt: Date | null;
  /** What is of an older epoch than the user's counts as absent: read a record through `factorsOf`. */
  credentialEpoch: number;
  /** Incremented by every change that carries an event; 0 for one that was just begun. */
  version: number;
}

/** Names one state of the factors of one user, as the record that was read does: a verb changes that state or nothing. */
export type FactorsAt = Pick<FactorsRecord, 'userId' | 'version' | 'credentialEpoch'>;

export type FactorsChange = 'ok' | 'lost';
/** What a new or removed factor takes with it, such as the trusted devices. */
export type Along = Partial<Pick<FactorsRecord, 'recovery' | 'trusted'>>;

/** Each verb with an event writes both in one atomic step, and sets `version` to one more. The target of the events is `factors:<user id>`. */
export interface FactorStore {
  find(userId: string): Promise<FactorsRecord | null>;
  findByHandle(handle: string): Promise<FactorsRecord | null>;
  findByCredential(credentialId: string): Promise<FactorsRecord | null>;

  /** Inserts a record of version 0 without factors; false if the user has one. No event: nothing changes for anybody. */
  begin(record: Pick<FactorsRecord, 'userId' | 'handle' | 'credentialEpoch'>): Promise<boolean>;
  /** Drops what is of the epoch `from` and so void; false if it is no longer of that epoch. No event, no new version. */
  renew(userId: string, from: number, to: number): Promise<boolean>;

  /** `taken`: this or another user has this credential. */
  addPasskey(at: FactorsAt, passkey: PasskeyRecord, along: Along, event: EventDraft): Promise<FactorsChange | 'taken'>;
  removePasskey(at: FactorsAt, id: string, along: Along, event: EventDraft): Promise<FactorsChange>;
  renamePasskey(at: FactorsAt, id: string, name: string, event: EventDraft): Promise<FactorsChange>;
  enableTotp(at: FactorsAt, totp: TotpRecord, along: Along, event: EventDraft): Promise<FactorsChange>;
  removeTotp(at: FactorsAt, id: string, along: Along, event: EventDraft): Promise<FactorsChange>;
  setRecovery(at: FactorsAt, recovery: RecoveryCodes, event: EventDraft): Promise<FactorsChange>;
  /** Takes one code away; `lost` also if there is none with this hash. */
  useRecoveryCode(at: FactorsAt, hash: string, event: EventDraft): Promise<FactorsChange>;
  /** Replaces the list of trusted devices: by one with another, one without some, or none. */
  setTrusted(at: FactorsAt, trusted: readonly TrustedDevice[], event: EventDraft): Promise<FactorsChange>;
  /** Sets when a reset takes effect; null: it was cancelled. */
  setReset(at: FactorsAt, resetAt: Date | null, event: EventDraft): Promise<FactorsChange>;
  /** Drops every factor, code and trusted device; the handle stays. */
  reset(at: FactorsAt, event: EventDraft): Promise<FactorsChange>;

  /** Uses up the code of a time step; false if it, or that of a later one, was used. No event, no new version. */
  useTotp(userId: string, totpId: string, step: number, now: Date): Promise<boolean>;
  /** Moves the counter on; false if it is no longer `from`. No event, no new version. */
  usePasskey(
    userId: string,
    passkeyId: string,
    use: { from: number; to: number; backedUp: boolean; device: string; now: Date },
  ): Promise<boolean>;
  /** Replaces the seal `from` of one secret; false if it has changed. No event, no new version. */
  resealTotp(userId: string, totpId: string, from: string, to: string): Promise<boolean>;

  /** Secrets that the key of another id sealed. */
  sealedByOthers(keyId: string, limit: number): Promise<{ userId: string; id: string; sealedSecret: string }[]>;
  /** Users whose reset is due by then, the earliest first. */
  dueResets(now: Date, limit: number): Promise<FactorsRecord[]>;
  /** Deletes the record of an erased user; the erasure has its own event. Safe to run twice. */
  removeForUser(userId: string): Promise<void>;
}
