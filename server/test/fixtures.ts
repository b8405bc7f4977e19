import { createHash } from 'node:crypto';
import type { RoleRecord } from '../src/modules/access/role-store.ts';
import type { SuperadminRecord } from '../src/modules/access/superadmin-store.ts';
import type { ChallengeRecord } from '../src/modules/auth/challenge-store.ts';
import type { RegistrationRecord } from '../src/modules/auth/registration-store.ts';
import type { EventDraft, EventRecord } from '../src/modules/events/event-store.ts';
import type { FactorsRecord, PasskeyRecord, TotpRecord, TrustedDevice } from '../src/modules/factors/factor-store.ts';
import type { Throttle } from '../src/modules/guessing/throttle-store.ts';
import type { WorkerRecord } from '../src/modules/jobs/worker-store.ts';
import type { KeyRecord } from '../src/modules/keys/key-store.ts';
import type { SecretCheck } from '../src/modules/keys/secret-check-store.ts';
import type { Nonce } from '../src/modules/password-encryption/nonce-store.ts';
import type { ScheduleRecord } from '../src/modules/schedules/schedule-store.ts';
import type { SessionRecord } from '../src/modules/sessions/session-store.ts';
import type { EmailChange, EmailMove, Invitation, UserRecord } from '../src/modules/users/user-store.ts';
import { after, DAY, MINUTE } from '../src/platform/clock.ts';
import type { JobRecord, NewJob } from '../src/platform/queue/queue.ts';

/** The moment at which every record of a test begins; its milliseconds are not round, so that none may be lost. */
export const NOW = new Date('2026-11-20T13:14:15.678Z');
/** When a test changes a record. */
export const LATER = after(NOW, 61_001);

let made = 0;

/** A number that this process has not had before; the same in every run. */
export function nextNumber(): number {
  made += 1;
  return made;
}

/** A UUIDv7 whose random part counts, so that ids grow in the order in which they were made. */
export function makeId(at: Date = NOW): string {
  const time = at.getTime().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${nextNumber().toString(16).padStart(12, '0')}`;
}

/** What a SHA-256 in base64url looks like. */
export function makeHash(): string {
  return createHash('sha256').update(`hash ${nextNumber()}`).digest('base64url');
}

const KEY_ID = '0a1b2c3d';
const makePasswordHash = () => `$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2E$${makeHash()}`;

/** A challenge to move to another address. */
export function makeEmailChange(fields: Partial<EmailChange> = {}): EmailChange {
  const name = `moved${nextNumber()}`;
  return {
    id: makeId(),
    keyId: KEY_ID,
    email: `${name.toUpperCase()}@Example.org`,
    emailNorm: `${name}@example.org`,
    expiresAt: after(NOW, 10 * MINUTE),
    tries: 0,
    ...fields,
  };
}

/** A move to another address that waits for a day from `NOW`. */
export function makeEmailMove(fields: Partial<EmailMove> = {}): EmailMove {
  const { id, keyId, email, emailNorm } = makeEmailChange();
  return { id, keyId, fromNorm: null, email, emailNorm, emailVerified: true, dueAt: after(NOW, DAY), ...fields };
}

/** An invitation that is good for a week from `NOW`. */
export function makeInvitation(fields: Partial<Invitation> = {}): Invitation {
  return { id: makeId(), keyId: KEY_ID, expiresAt: after(NOW, 7 * DAY), ...fields };
}

/** A user in whose record nothing is empty, so that whatever a store forgets shows. */
export function makeUser(fields: Partial<UserRecord> = {}): UserRecord {
  const name = `person${nextNumber()}`;
  return {
    id: makeId(),
    email: `${name.toUpperCase()}@Example.org`,
    emailNorm: `${name}@example.org`,
    emailVerified: true,
    username: name.toUpperCase(),
    usernameKey: name,
    fullName: 'Zoë Ångström-O’Neill 李 😀',
    phone: '+4915112345678',
    locale: 'de-CH',
    profile: { bio: 'Two\nlines "quoted"', website: 'https://example.org/?a=1&b=%20', location: 'Zürich' },
    profilePublic: true,
    status: 'active',
    roleIds: ['user', 'editor'],
    superadminMark: true,
    externalId: `elsewhere:${name}`,
    passwordHash: makePasswordHash(),
    passwordVersion: 3,
    mustChangePassword: true,
    sessionEpoch: 2,
    keptSessionId: makeId(),
    grantEpoch: 12,
    credentialEpoch: 22,
    emailChange: makeEmailChange(),
    emailMove: makeEmailMove(),
    invitation: makeInvitation(),
    avatarId: makeId(),
    lastLoginAt: after(NOW, -MINUTE),
    deletedAt: null,
    createdAt: after(NOW, -DAY),
    updatedAt: NOW,
    version: 1,
    ...fields,
  };
}

/** A user in whose record everything is empty that may be. */
export function makeBareUser(fields: Partial<UserRecord> = {}): UserRecord {
  return makeUser({
    email: null,
    emailNorm: null,
    emailVerified: false,
    username: null,
    usernameKey: null,
    fullName: null,
    phone: null,
    locale: null,
    profile: {},
    profilePublic: false,
    roleIds: [],
    superadminMark: false,
    externalId: null,
    passwordHash: null,
    mustChangePassword: false,
    keptSessionId: null,
    emailChange: null,
    emailMove: null,
    invitation: null,
    avatarId: null,
    lastLoginAt: null,
    ...fields,
  });
}

/** A registration whose code is good for ten minutes from `NOW`. */
export function makeRegistration(fields: Partial<RegistrationRecord> = {}): RegistrationRecord {
  const name = `newcomer${nextNumber()}`;
  return {
    id: makeId(),
    email: `${name.toUpperCase()}@Example.org`,
    emailNorm: `${name}@example.org`,
    username: name,
    fullName: 'Nguyễn Văn 😀',
    phone: '+84901234567',
    locale: 'vi',
    passwordHash: makePasswordHash(),
    codeId: makeId(),
    codeOwner: makeId(),
    keyId: KEY_ID,
    codeExpiresAt: after(NOW, 10 * MINUTE),
    tries: 0,
    sentAt: [after(NOW, -MINUTE), NOW],
    createdAt: NOW,
    version: 1,
    ...fields,
  };
}

/** A wish for a new password that is good for an hour from `NOW`. */
export function makeChallenge(fields: Partial<ChallengeRecord> = {}): ChallengeRecord {
  const name = `forgetful${nextNumber()}`;
  return {
    id: makeId(),
    purpose: 'password_reset',
    email: `${name.toUpperCase()}@Example.org`,
    emailNorm: `${name}@example.org`,
    keyId: KEY_ID,
    tries: 1,
    locale: 'vi',
    returnTo: 'https://app.example.org/welcome?from=a mail#here',
    expiresAt: after(NOW, 60 * MINUTE),
    createdAt: NOW,
    version: 1,
    ...fields,
  };
}

/** A live session that was rotated before, in whose record nothing is empty but its end. */
export function makeSession(fields: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: makeId(),
    userId: makeId(),
    clientId: 'ostiary',
    epoch: 2,
    generation: 4,
    tokenHash: makeHash(),
    previousHash: makeHash(),
    rotationNonce: `${KEY_ID}.${makeHash()}`,
    rotatedAt: after(NOW, -MINUTE),
    generationUsed: true,
    methods: [
      { method: 'password', at: after(NOW, -3 * MINUTE) },
      { method: 'email', at: after(NOW, -2 * MINUTE) },
    ],
    aal: 2,
    organizationId: makeId(),
    parentId: makeId(),
    grantId: makeId(),
    jkt: makeHash(),
    providerId: makeId(),
    authTime: after(NOW, -2 * MINUTE),
    device: { browser: 'Firefox', os: 'Linux', kind: 'desktop' },
    refreshedBy: { browser: 'node', os: null, kind: 'other' },
    ip: '2001:db8:1234:5678:9abc:def0:1234:5678',
    network: '2001:db8:1234::/48',
    country: 'CH',
    createdAt: after(NOW, -DAY),
    lastSeenAt: NOW,
    idleExpiresAt: after(NOW, 30 * DAY),
    expiresAt: after(NOW, 89 * DAY),
    endedAt: null,
    endReason: null,
    version: 1,
    ...fields,
  };
}

/** The factors of a user who has none yet. */
export function makeFactors(fields: Partial<FactorsRecord> = {}): FactorsRecord {
  return {
    userId: makeId(),
    handle: makeHash(),
    passkeys: [],
    totp: [],
    recovery: null,
    trusted: [],
    resetAt: null,
    credentialEpoch: 22,
    version: 0,
    ...fields,
  };
}

/** A passkey in whose record nothing is empty; its key only looks like one. */
export function makePasskey(fields: Partial<PasskeyRecord> = {}): PasskeyRecord {
  return {
    id: makeId(),
    rpId: 'example.com',
    credentialId: makeHash(),
    publicKey: makeHash() + makeHash(),
    algorithm: -7,
    counter: 7,
    name: 'My laptop',
    aaguid: 'ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4',
    deviceType: 'multiDevice',
    backedUp: true,
    silent: false,
    transports: ['hybrid', 'internal'],
    createdAt: NOW,
    lastUsedAt: after(NOW, MINUTE),
    lastDevice: 'Chrome on macOS',
    ...fields,
  };
}

/** An authenticator app that was used; its secret only looks sealed. */
export function makeTotp(fields: Partial<TotpRecord> = {}): TotpRecord {
  return {
    id: makeId(),
    name: 'Phone “1”',
    sealedSecret: `${KEY_ID}.${makeHash()}`,
    lastStep: 59_000_000,
    createdAt: NOW,
    lastUsedAt: after(NOW, MINUTE),
    ...fields,
  };
}

/** A browser that is trusted for a month. */
export function makeTrusted(fields: Partial<TrustedDevice> = {}): TrustedDevice {
  const device = { browser: 'Firefox', os: 'Linux', kind: 'desktop' } as const;
  return { id: makeId(), device, country: 'CH', createdAt: NOW, until: after(NOW, 30 * DAY), ...fields };
}

/** The first signing key, not yet put to use; its halves only look like keys. */
export function makeKey(fields: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id: makeId(),
    use: 'sig',
    place: 1,
    algorithm: 'EdDSA',
    publicJwk: { kty: 'OKP', crv: 'Ed25519', x: makeHash() },
    sealedPrivateKey: `${KEY_ID}.${makeHash()}${makeHash()}`,
    createdAt: NOW,
    activatedAt: null,
    version: 1,
    ...fields,
  };
}

/** The check of a secret that no other test has. */
export function makeSecretCheck(fields: Partial<SecretCheck> = {}): SecretCheck {
  return {
    keyId: nextNumber().toString(16).padStart(8, '0'),
    value: makeHash(),
    sealedMaskKey: makeHash(),
    createdAt: NOW,
    ...fields,
  };
}

/** A nonce that was issued at `NOW`. */
export function makeNonce(fields: Partial<Nonce> = {}): Nonce {
  return { id: nextNumber().toString(16).padStart(32, '0'), expiresAt: after(NOW, 5 * MINUTE), ...fields };
}

/** A role in whose record nothing is empty. */
export function makeRole(fields: Partial<RoleRecord> = {}): RoleRecord {
  const code = `role_${nextNumber()}`;
  return {
    id: makeId(),
    code,
    name: 'Models “and” more',
    description: 'Two\nlines',
    enabled: true,
    builtIn: false,
    permissions: ['GET:/api/v1/models/{id}', '*:/api/v1/models/*'],
    uiPermissions: { buttons: ['models.create'], menus: ['models', '模型'] },
    rateLimit: { max: 100, windowSeconds: 60 },
    fileQuota: { bytes: 5_000_000_000_000, files: 1_000 },
    mfa: 'off',
    trustDevices: false,
    createdAt: NOW,
    updatedAt: NOW,
    version: 1,
    ...fields,
  };
}

/** What a superadmin record may become. */
export function makeSuperadmins(fields: Partial<SuperadminRecord> = {}): Pick<SuperadminRecord, 'userIds' | 'setup'> {
  const setup = { id: makeId(), keyId: KEY_ID, expiresAt: after(NOW, DAY) };
  return { userIds: [makeId(), makeId()], setup, ...fields };
}

/** A job that may run at once, of a kind that no other test has; nothing in it is empty but its time. */
export function makeJob(fields: Partial<NewJob> = {}): NewJob {
  return {
    id: makeId(),
    name: `test.kind-${nextNumber()}`,
    args: { userId: makeId(), sizes: [64, 256], nested: { yes: true, nothing: null } },
    priority: 5,
    uniqueKey: `key ${nextNumber()}`,
    retries: 3,
    createdAt: NOW,
    runAt: null,
    promised: false,
    ...fields,
  };
}

/** The record that a job is once it was inserted. */
export function jobRecordOf({ promised: _, ...job }: NewJob): JobRecord {
  return {
    ...job,
    state: job.runAt === null ? 'waiting' : 'delayed',
    attempts: 0,
    progress: null,
    log: [],
    result: null,
    failure: null,
    startedAt: null,
    finishedAt: null,
  };
}

/** A worker in the middle of three attempts. */
export function makeWorker(fields: Partial<WorkerRecord> = {}): WorkerRecord {
  return {
    id: makeId(),
    host: 'worker-7f9c.example.org',
    pid: 4711,
    startedAt: after(NOW, -DAY),
    seenAt: NOW,
    active: 3,
    names: ['mail.send', 'test.kind'],
    ...fields,
  };
}

/** A throttle that was just tried for the first time, of a key that no other test has. */
export function makeThrottle(fields: Partial<Throttle> = {}): Throttle {
  return { key: `${makeId()}-aB3`, tries: 1, nextAt: NOW, expiresAt: after(NOW, DAY), version: 1, ...fields };
}

/** A schedule that ran before and will again, of a job that no other test has; nothing in it is empty. */
export function makeSchedule(fields: Partial<ScheduleRecord> = {}): ScheduleRecord {
  return {
    id: makeId(),
    name: `Every minute ${nextNumber()}`,
    job: `test.kind-${nextNumber()}`,
    args: { userId: makeId(), sizes: [64, 256], nested: { yes: true, nothing: null } },
    timing: { kind: 'cron', expression: '0 * * * * *', timeZone: 'America/St_Johns' },
    options: { priority: 7, retries: 2 },
    missed: 'runOnce',
    enabled: true,
    startAt: after(NOW, -DAY),
    endAt: after(NOW, 7 * DAY),
    origin: 'admin',
    nextRunAt: after(NOW, MINUTE),
    lastRunAt: after(NOW, -MINUTE),
    createdAt: after(NOW, -DAY),
    updatedAt: NOW,
    revision: 3,
    version: 1,
    ...fields,
  };
}

/** An event that somebody handles and that evicts, about `target`; nothing in it is empty. */
export function makeEvent(target: string, fields: Partial<EventDraft> = {}): EventDraft {
  return {
    id: makeId(),
    type: 'thing.happened',
    version: 1,
    target,
    userId: makeId(),
    actorId: makeId(),
    at: NOW,
    ip: '203.0.113.7',
    requestId: `request-${nextNumber()}`,
    device: { browser: null, os: 'Plan 9', kind: 'other' },
    data: { reason: 'a test', fields: ['fullName', 'locale'], count: 2, nested: { yes: true, nothing: null } },
    pending: true,
    evicts: true,
    ...fields,
  };
}

/** An event of which everything is empty that may be. */
export function makeBareEvent(target: string, fields: Partial<EventDraft> = {}): EventDraft {
  return makeEvent(target, {
    userId: null,
    actorId: null,
    ip: null,
    requestId: null,
    device: null,
    data: {},
    ...fields,
  });
}

/** An event that no database can take: its data contain themselves. */
export function makeUnwritableEvent(target: string): EventDraft {
  const data: Record<string, unknown> = {};
  data.self = data;
  return makeEvent(target, { data });
}

/** The record that a draft becomes once a verb has given it its `seq`. */
export function recordOf(draft: EventDraft, seq: number): EventRecord {
  const { pending: _pending, evicts: _evicts, ...rest } = draft;
  return { ...rest, seq };
}
