import { type Caller, type Clock, type Events, type Files, isId, newId, untilWon } from 'ostiary';
import { siteErrors } from './errors.ts';
import type { Sites } from './sites.ts';
import type { ViolationAt, ViolationRecord, ViolationStore } from './violation-store.ts';

const MOST_EVIDENCE = 20;

/** A violation is named within its site, so that whoever follows the site hears of it. */
export const targetOf = ({ siteId, id }: Pick<ViolationRecord, 'siteId' | 'id'>): string => `site:${siteId}/${id}`;

/** Every one of them throws `site_not_found` or `violation_not_found` to who does not look after the site. */
export interface Violations {
  report(caller: Caller, userId: string, siteId: string, text: string): Promise<ViolationRecord>;
  /** Adds a file that this user has uploaded. Throws `file_not_found`, `upload_incomplete`, `evidence_full`. */
  addEvidence(caller: Caller, userId: string, id: string, fileId: string): Promise<ViolationRecord>;
  /** A URL at which a file can be read for five minutes. Throws `file_not_found`. */
  evidence(userId: string, id: string, fileId: string): Promise<{ url: string; expiresAt: Date }>;
  /** Does nothing if it is resolved. */
  resolve(caller: Caller, userId: string, id: string): Promise<ViolationRecord>;
}

/** Creates the use cases of violations. */
export function createViolationUseCases(deps: {
  violationStore: ViolationStore;
  sites: Pick<Sites, 'ofUser'>;
  files: Files;
  events: Events;
  clock: Clock;
}): Violations {
  const { violationStore: store, sites, files, events, clock } = deps;

  async function ofUser(userId: string, id: string): Promise<ViolationRecord> {
    const violation = isId(id) ? await store.find(id) : null;
    if (violation === null) throw siteErrors.violation_not_found();
    await sites.ofUser(userId, violation.siteId).catch((error) => {
      throw error.code === 'site_not_found' ? siteErrors.violation_not_found() : error;
    });
    return violation;
  }

  /** `verb` answers null where there is nothing to do. */
  const decide = (
    [userId, id]: [userId: string, id: string],
    verb: (at: ViolationAt, violation: ViolationRecord) => Promise<boolean> | null,
  ): Promise<ViolationRecord> =>
    untilWon(
      async () => {
        const violation = await ofUser(userId, id);
        const won = await verb({ id, version: violation.version, now: clock() }, violation);
        if (won === null) return violation;
        return won ? store.find(id) : null;
      },
      { record: `violation:${id}` },
    );

  const describe = (caller: Caller, what: string, violation: ViolationRecord) =>
    events.describe(caller, { type: `violation.${what}`, target: targetOf(violation) });

  return {
    async report(caller, userId, siteId, text) {
      await sites.ofUser(userId, siteId);
      const now = clock();
      const of = { id: newId(now), siteId, text, reportedBy: userId, evidence: [] };
      const violation: ViolationRecord = { ...of, status: 'open', createdAt: now, updatedAt: now, version: 1 };
      await store.insert(violation, describe(caller, 'reported', violation));
      return violation;
    },

    async addEvidence(caller, userId, id, fileId) {
      // Only what has arrived, and is theirs.
      await files.download(userId, fileId);
      return decide([userId, id], (at, violation) => {
        if (violation.evidence.some((one) => one.fileId === fileId)) return null;
        if (violation.evidence.length >= MOST_EVIDENCE) throw siteErrors.evidence_full();
        const event = describe(caller, 'evidence_added', violation);
        return store.addEvidence(at, { fileId, ownerId: userId }, event);
      });
    },

    async evidence(userId, id, fileId) {
      const { evidence } = await ofUser(userId, id);
      const ownerId = evidence.find((one) => one.fileId === fileId)?.ownerId ?? '';
      return files.download(ownerId, fileId);
    },

    resolve: (caller, userId, id) =>
      decide([userId, id], (at, violation) =>
        violation.status === 'resolved' ? null : store.resolve(at, describe(caller, 'resolved', violation)),
      ),
  };
}
