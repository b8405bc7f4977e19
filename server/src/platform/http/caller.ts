import type { FastifyRequest } from 'fastify';
import { clientAddress } from './client-address.ts';

/** Characters kept of a `User-Agent`; the rest tells nothing and would only fill the database. */
const USER_AGENT_LENGTH = 512;

/** Who is calling, once an access token has been accepted; `request.actor`. */
export interface Actor {
  userId: string;
  sessionId: string;
  /** Of which epoch of its user the session is; once that has passed, nothing that is still under way may let the session live on. */
  sessionEpoch: number;
  clientId: string;
  /** When the password was last proved in this session. */
  authTime: Date;
  emailVerified: boolean;
  /** Of the roles that were granted; what they allow is for `authorize` to say. */
  roleIds: readonly string[];
}

/** What use cases and events may know of the request that they serve: their explicit first argument. */
export interface Caller {
  actor: Actor | null;
  /** The client's address, as the trusted proxies tell it. */
  ip: string;
  userAgent: string;
  requestId: string;
}

/**
 * How a route admits its callers. Every route declares one, or the server does not start. `permission`: whoever holds the route's code;
 * `anyRole`, `allRoles`: by the codes of roles. Superadmins pass them all.
 */
export type Access = 'public' | 'optional' | 'signedIn' | 'verified' | 'permission' | RoleAccess;
export type RoleAccess = { anyRole: readonly string[] } | { allRoles: readonly string[] };

/** What a use case needs to know of the request that it serves. */
export function callerOf(request: FastifyRequest): Caller {
  return {
    actor: request.actor,
    ip: clientAddress(request),
    userAgent: (request.headers['user-agent'] ?? '').slice(0, USER_AGENT_LENGTH),
    requestId: request.id,
  };
}
