import type { FastifyRequest } from 'fastify';
import { AppError, platformErrors } from '../errors.ts';
import { type Actor, type Credential, type Origin, originOf } from './caller.ts';
import { demandDisjoint, type TokenForm } from './token-form.ts';

/** What the server knows of one kind of credential. */
export interface CredentialKind {
  /**
   * What its actors act by (`actor.via.kind`): several where one form of token speaks for them, as access tokens do for sessions of people and
   * of other applications.
   */
  kinds: readonly [Credential['kind'], ...Credential['kind'][]];
  /** The form of its Bearer tokens; no other kind takes one. */
  form: TokenForm;
  /**
   * Whom a token speaks for; null for one that is not genuine, has run out, was revoked, or does not count where it comes from. No promise
   * where it is known at once.
   */
  actorOf(token: string, from: () => Origin): Actor | null | Promise<Actor | null>;
  /** The id of the credential that a genuine token names, though it has run out or was revoked; null for any other text. */
  pastIdOf?(token: string): Promise<string | null>;
  /** Whether the credential still counts, by the database: what decides over others must not be a second old. */
  stillCounts(actor: Actor): Promise<boolean>;
}

/** `unauthenticated`, for a credential that is genuine but has run out or was revoked. */
export class PastCredential extends AppError {
  readonly credentialId: string;

  constructor(credentialId: string) {
    super('unauthenticated', platformErrors.table.unauthenticated);
    this.credentialId = credentialId;
  }
}

/** The token of `Authorization: Bearer …` (RFC 6750, 2.1), or null for none or credentials of another scheme. */
export function bearerToken({ headers: { authorization } }: FastifyRequest): string | null {
  if (authorization === undefined || authorization.slice(0, 7).toLowerCase() !== 'bearer ') return null;
  return authorization.slice(7).trim();
}

/**
 * Says who is calling. The form of the token alone decides which kind reads it, so that no token is tried as another kind. Null without
 * credentials. Throws `unauthenticated` for bad ones, and `unavailable` while this instance cannot know of revocations. Here at once, a
 * TypeError if a token would have two forms.
 */
export function createAuthenticate(deps: {
  kinds: readonly CredentialKind[];
  /** Forms of tokens that are no credentials: none of them may be taken for one. */
  otherForms: readonly TokenForm[];
  isBlind: () => boolean;
}): (request: FastifyRequest) => Actor | null | Promise<Actor | null> {
  const { kinds, otherForms, isBlind } = deps;
  demandDisjoint([...kinds.map(({ form }) => form), ...otherForms]);

  return (request) => {
    if (request.headers.authorization === undefined) return null;
    const token = bearerToken(request);
    const reader = token ? kinds.find(({ form }) => form.matches(token)) : undefined;
    if (!token || !reader) throw platformErrors.unauthenticated();
    if (isBlind()) throw platformErrors.unavailable({ headers: { 'retry-after': '1' } });
    const actor = reader.actorOf(token, () => originOf(request));
    if (actor instanceof Promise) return actor.then((found) => found ?? refuse(reader, token));
    return actor ?? refuse(reader, token);
  };
}

/**
 * Whom a token speaks for that came otherwise than in `Authorization`; null for a bad one. Throws `unavailable` while this instance cannot know
 * of revocations.
 */
export function createTokenReader(deps: {
  kinds: readonly CredentialKind[];
  isBlind: () => boolean;
}): (token: string, from: Origin) => Promise<Actor | null> {
  const { kinds, isBlind } = deps;
  return async (token, from) => {
    if (isBlind()) throw platformErrors.unavailable();
    return (await kinds.find(({ form }) => form.matches(token))?.actorOf(token, () => from)) ?? null;
  };
}

async function refuse(kind: CredentialKind, token: string): Promise<never> {
  const credentialId = (await kind.pastIdOf?.(token)) ?? null;
  throw credentialId === null ? platformErrors.unauthenticated() : new PastCredential(credentialId);
}
