import type { Actor, Subject } from '../../platform/http/caller.ts';
import type { CredentialKind } from '../../platform/http/credential-kind.ts';
import type { Holder } from './grants.ts';

/**
 * Checks in the database whether an actor's subject and credential are still valid; answers the subject with its roles, or null. Every
 * decision about other users asks it again. An error in it refuses the request.
 */
export type SubjectGate = (actor: Actor) => Promise<Holder | null>;

/** Refuses every kind of subject or credential that is not declared here. */
export function createSubjectGate(deps: {
  /** Find a subject by its id; null unless it may act at all. */
  subjects: Partial<Record<Subject['kind'], (id: string) => Promise<Holder | null>>>;
  credentials: readonly CredentialKind[];
}): SubjectGate {
  const { subjects, credentials } = deps;
  return async (actor) => {
    const find = subjects[actor.subject.kind];
    const credential = credentials.find(({ kinds }) => kinds.includes(actor.via.kind));
    if (!find || !credential) return null;
    const [holder, counts] = await Promise.all([find(actor.subject.id), credential.stillCounts(actor)]);
    return counts ? holder : null;
  };
}
