import { listQuery, nullable, Type, timestamp } from 'ostiary';

const closed = { additionalProperties: false } as const;
const status = Type.Unsafe<'open' | 'resolved'>({ type: 'string', enum: ['open', 'resolved'] });

export const siteParams = Type.Object({ id: Type.String() });
export const siteUserParams = Type.Object({ id: Type.String(), userId: Type.String() });
export const evidenceParams = Type.Object({ id: Type.String(), fileId: Type.String() });

export const sitesQuery = Type.Object(listQuery, closed);
export const violationsQuery = Type.Object({ ...listQuery, status: Type.Optional(status) }, closed);

export const siteBody = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 100 }) },
  { ...closed, title: 'CreateSiteBody' },
);
export const violationBody = Type.Object(
  { text: Type.String({ minLength: 1, maxLength: 2000 }) },
  { ...closed, title: 'ReportViolationBody' },
);
export const evidenceBody = Type.Object({ fileId: Type.String() }, { ...closed, title: 'AddEvidenceBody' });

export const siteSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    userIds: Type.Array(Type.String()),
    createdAt: timestamp(),
    updatedAt: timestamp(),
  },
  { title: 'Site' },
);

export const violationSchema = Type.Object(
  {
    id: Type.String(),
    siteId: Type.String(),
    text: Type.String(),
    status,
    reportedBy: nullable(Type.String()),
    evidence: Type.Array(Type.Object({ fileId: Type.String(), ownerId: Type.String() })),
    createdAt: timestamp(),
    updatedAt: timestamp(),
  },
  { title: 'Violation' },
);

export const evidenceSchema = Type.Object({ url: Type.String(), expiresAt: timestamp() }, { title: 'EvidenceUrl' });
