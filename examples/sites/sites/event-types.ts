import type { EventTypes } from 'ostiary';

/** The events of this module, and what each means. */
export const eventTypes: EventTypes = {
  'site.created': 'An administrator created a site.',
  'site.user_added': 'A user was made to look after a site.',
  'site.user_removed': 'A user no longer looks after a site.',
  'site.report_due': 'The open violations of the sites of a user are to be mailed, once a day at most.',
  'violation.reported': 'A user reported a violation at a site.',
  'violation.evidence_added': 'A user added a file to a violation.',
  'violation.resolved': 'A user declared a violation resolved.',
};
