import { defineErrors } from 'ostiary';

export const siteErrors = defineErrors({
  site_not_found: {
    status: 404,
    title: 'You look after no site with this id.',
    help: 'It never existed, or you are not one of its users.',
  },
  violation_not_found: {
    status: 404,
    title: 'No site of yours has a violation with this id.',
    help: 'It never existed, or you are not a user of its site.',
  },
  site_full: {
    status: 409,
    title: 'The site has as many users as a site may have.',
    help: 'Remove a user first.',
  },
  evidence_full: {
    status: 409,
    title: 'The violation has as many files as it may have.',
    help: 'Report another violation.',
  },
});
