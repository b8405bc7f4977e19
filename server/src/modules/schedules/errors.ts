import { defineErrors } from '../../platform/errors.ts';

export const scheduleErrors = defineErrors({
  schedule_not_found: { status: 404, title: 'No schedule has this id.' },
  schedule_name_taken: { status: 409, title: 'A schedule already has this name.' },
  schedule_in_code: {
    status: 409,
    title: 'This schedule is defined in the code and can only be enabled or disabled.',
  },
});
