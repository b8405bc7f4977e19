import { defineErrors } from '../../platform/errors.ts';

export const jobErrors = defineErrors({
  job_not_found: { status: 404, title: 'There is no such job.' },
  job_state_conflict: { status: 409, title: 'The job is not in a state in which this can be done.' },
  queue_not_found: { status: 404, title: 'There is no such queue.' },
});
