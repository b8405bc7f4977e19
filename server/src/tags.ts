import type { Tag } from './platform/http/openapi/document.ts';

/** What the tags of the routes mean, in the order in which the documentation shows them. */
export const TAGS: readonly Tag[] = [
  {
    name: 'Accounts',
    description: 'From wishing for an account to having one, signing in, and what becomes of passwords.',
  },
  { name: 'Sessions', description: 'New access tokens, signing out, and the list of where somebody is signed in.' },
  {
    name: 'The user',
    description: 'Your own account, its history, what you may do; and profiles that others made public.',
  },
  {
    name: 'Second factors',
    description:
      'What proves you besides the password: authenticator apps, and codes for the day on which they are lost.',
  },
  { name: 'Passkeys', description: 'Sign-in without a password, and looking after the keys for it.' },
  { name: 'Files', description: 'What people store: announced here, sent to and read from signed URLs.' },
  { name: 'API keys', description: 'Keys of your own for programs, and what to do with one that became public.' },
  { name: 'Users', description: 'Accounts as administrators find, make, change and end them.' },
  { name: 'Roles', description: 'What there is to be permitted, and who is.' },
  { name: 'Service accounts', description: 'Accounts for programs, their keys, and all keys that are in use.' },
  { name: 'Audit log', description: 'What happened, and who did it.' },
  { name: 'Background work', description: 'Jobs, their queues, and the schedules that put them there.' },
  { name: 'Keys', description: 'Keys that sign tokens, and keys that passwords can be encrypted with.' },
  { name: 'Setup', description: 'The first administrator.' },
  { name: 'Health', description: 'For probes, under two paths each.' },
];
