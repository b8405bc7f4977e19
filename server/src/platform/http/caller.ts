import type { FastifyRequest } from 'fastify';
import { clientAddress } from './client-address.ts';
import type { ActorRate } from './limits.ts';

/** Characters kept of a `User-Agent`; the rest tells nothing and would only fill the database. */
const USER_AGENT_LENGTH = 512;

/** Who acts: a person or, for programs, a service account. Subjects hold roles; credentials hold none. */
export interface Subject {
  kind: 'person' | 'service';
  id: string;
}

/** What proves who calls. It only ever narrows what its subject may do. `id`: of the session, key, grant or client. */
export interface Credential {
  kind: 'session' | 'key' | 'oauth' | 'client';
  id: string;
  /** The program that the credential was given to; `ostiary` for first-party sign-ins. */
  clientId: string;
  /** Unix milliseconds. */
  expiresAt: number;
  /** Its own limit of requests: counted for itself, and by the rate of the roles where that is stricter. Undefined: as its subject is. */
  rate?: ActorRate | null;
}

/**
 * One way in which somebody showed who they are. `passkey`: with user verification (a fingerprint, a PIN), which makes it two factors;
 * `passkey_presence`: without, so that it is a second factor only. `trusted_device` proves nothing: it excused from the second factor.
 */
export type ProofMethod =
  | ('password' | 'email' | 'totp' | 'recovery_code' | 'passkey' | 'passkey_presence')
  | 'trusted_device';

/** How sure it is who calls (NIST SP 800-63B): by one factor or by two. */
export interface Assurance {
  aal: 1 | 2;
  phishingResistant: boolean;
  /** When who calls was last proved. */
  authTime: Date;
  methods: readonly ProofMethod[];
}

/** Who is calling, once their credential has been accepted; `request.actor`. */
export interface Actor {
  subject: Subject;
  via: Credential;
  /** The person; null for machines. */
  userId: string | null;
  sessionId: string | null;
  /** Of which epoch of its user the session is; once that has passed, nothing that is still under way may let the session live on. */
  sessionEpoch: number | null;
  emailVerified: boolean;
  /** Of the roles that the subject was granted; what they allow is for `authorize` to say. */
  roleIds: readonly string[];
  organizationId: string | null;
  /** Patterns of permissions and `role:…` that the credential is limited to; null: everything that the subject may. */
  scopes: readonly string[] | null;
  assurance: Assurance;
  /** On whose behalf a service acts (RFC 8693, `act`). */
  actingFor: Subject | null;
}

/** A person in a session of their own. */
export type SessionActor = Actor & { userId: string; sessionId: string; sessionEpoch: number };

/** Stands for whoever runs the server: the command line and jobs of our own. The rules of privileges let it do everything. */
export const OPERATOR = 'operator';

/** What use cases and events may know of the request that they serve: their explicit first argument. */
export interface Caller {
  /** Null: nobody has shown who they are, and the rules of privileges let them do nothing. */
  actor: Actor | typeof OPERATOR | null;
  /** The client's address, as the trusted proxies tell it. */
  ip: string;
  userAgent: string;
  requestId: string;
  /** Cookies of the browser, for what is known of a device. */
  cookies?: Readonly<Record<string, string | undefined>>;
  /** The version of the record that the client has read, as `If-Match` names it; only on routes with `ifMatch`. See `demandVersion`. */
  ifMatch?: string;
}

/**
 * How a route admits its callers. Every route declares one, or the server does not start. `permission`: whoever holds the route's code;
 * `anyRole`, `allRoles`: by the codes of roles. Superadmins pass them all.
 */
export type Access = 'public' | 'optional' | 'signedIn' | 'verified' | 'permission' | RoleAccess;
export type RoleAccess = { anyRole: readonly string[] } | { allRoles: readonly string[] };

/** Where a request comes from. */
export type Origin = Pick<Caller, 'ip' | 'userAgent'>;

export function originOf(request: FastifyRequest): Origin {
  return {
    ip: clientAddress(request),
    userAgent: (request.headers['user-agent'] ?? '').slice(0, USER_AGENT_LENGTH),
  };
}

/** What a use case needs to know of the request that it serves. */
export function callerOf(request: FastifyRequest): Caller {
  return {
    actor: request.actor,
    ...originOf(request),
    requestId: request.id,
    cookies: request.cookies,
    ...(request.headers['if-match'] !== undefined &&
      request.routeOptions.config.ifMatch && { ifMatch: request.headers['if-match'] }),
  };
}

/** The subject that calls; null for the operator and for nobody. */
export function subjectOf({ actor }: Caller): Subject | null {
  return actor === null || actor === OPERATOR ? null : actor.subject;
}

/** Whether this is a person in a session of their own, and no machine that speaks for one. */
export function isSessionActor(actor: Actor): actor is SessionActor {
  return actor.via.kind === 'session' && actor.subject.kind === 'person';
}
