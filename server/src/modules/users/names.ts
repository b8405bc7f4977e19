import { DAY } from '../../platform/clock.ts';

/** How long an account that was deleted can be restored, in milliseconds. The contract says so to its owner. */
export const GRACE_PERIOD = 30 * DAY;
