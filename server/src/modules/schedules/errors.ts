import { defineErrors } from '../../platform/errors.ts';

export const scheduleErrors = defineErrors({
  schedule_not_found: { status: 404, title: 'There is no such schedule.' },
  schedule_name_taken: { status: 409, title: 'There is a schedule of this name already.' },
  schedule_in_code: {
    status: 409,
    title: 'This schedule is defined in the code, which only lets it be switched on and off.',
  },
});
