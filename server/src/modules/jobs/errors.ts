import { defineErrors } from '../../platform/errors.ts';

export const jobErrors = defineErrors({
  job_not_found: { status: 404, title: 'No job has this id.' },
  job_state_conflict: { status: 409, title: 'The state of this job does not allow this.' },
  queue_not_found: { status: 404, title: 'No queue has this name.' },
});
