/** The roles that a migration inserts. Their ids are the same in every installation, so that code can name them. */
export const BUILT_IN = {
  superadmin: '00000000-0000-7000-8000-000000000001',
  admin: '00000000-0000-7000-8000-000000000002',
  user: '00000000-0000-7000-8000-000000000003',
  guest: '00000000-0000-7000-8000-000000000004',
} as const;
