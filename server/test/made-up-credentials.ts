import type { Actor, Credential, Subject } from '../src/platform/http/caller.ts';
import type { CredentialKind } from '../src/platform/http/credential-kind.ts';

/** Kinds of credentials that the product does not have yet, for showing that its rules hold for them, too. */
export interface MadeUp {
  kinds: CredentialKind[];
  /** A token of this kind for a subject; `scopes`: null is a width that no such credential should have. */
  token(fields: {
    kind: Exclude<Credential['kind'], 'session' | 'key'>;
    subject: Subject;
    roleIds?: readonly string[];
    scopes: readonly string[] | null;
    aal?: 1 | 2;
  }): string;
  /** From now on the database says that it no longer counts. */
  revoke(token: string): void;
}

/** Tokens that say nothing themselves: what each stands for is kept here. */
export function madeUpCredentials(): MadeUp {
  const actors = new Map<string, Actor>();
  const revoked = new Set<string>();

  const readerOf = (...kinds: CredentialKind['kinds']): CredentialKind => ({
    kinds,
    form: {
      name: `made-up ${kinds.join(' and ')}`,
      matches: (token) => kinds.some((kind) => token.startsWith(`made-up-${kind}-`)),
      sample: `made-up-${kinds[0]}-sample`,
    },
    actorOf: (token) => actors.get(token) ?? null,
    stillCounts: async ({ via }) => !revoked.has(via.id),
  });

  return {
    kinds: [readerOf('client'), readerOf('oauth')],
    token({ kind, subject, roleIds = [], scopes, aal = 1 }) {
      const token = `made-up-${kind}-${actors.size}`;
      const isPerson = subject.kind === 'person';
      actors.set(token, {
        subject,
        via: { kind, id: token, clientId: 'made-up', expiresAt: Date.parse('2027-01-01') },
        userId: isPerson ? subject.id : null,
        sessionId: null,
        sessionEpoch: null,
        emailVerified: true,
        roleIds,
        organizationId: null,
        scopes,
        assurance: { aal, phishingResistant: false, authTime: new Date('2026-11-20T12:00:00.000Z'), methods: [] },
        actingFor: null,
      });
      return token;
    },
    revoke: (token) => void revoked.add(token),
  };
}
