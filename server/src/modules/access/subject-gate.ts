import type { Actor, Subject } from '../../platform/http/caller.ts';
import type { CredentialKind } from '../../platform/http/credential-kind.ts';
import type { Holder } from './grants.ts';

/**
 * Whether a subject and the credential that speaks for it still count, by the database; the roles of the subject, or null. Asked at the
 * beginning of whatever decides over others, again. An error in it is a refusal: it lets nobody through.
 */
export type SubjectGate = (actor: Actor) => Promise<Holder | null>;

/** A kind of subject or credential that nobody has declared is nobody's. */
export function createSubjectGate(deps: {
  /** Finds a subject that may act at all; null for everybody else. */
  subjects: Partial<Record<Subject['kind'], (id: string) => Promise<Holder | null>>>;
  credentials: readonly CredentialKind[];
}): SubjectGate {
  const { subjects, credentials } = deps;
  return async (actor) => {
    const find = subjects[actor.subject.kind];
    const credential = credentials.find(({ kind }) => kind === actor.via.kind);
    if (!find || !credential) return null;
    const [holder, counts] = await Promise.all([find(actor.subject.id), credential.stillCounts(actor)]);
    return counts ? holder : null;
  };
}
