import { type Caller, OPERATOR } from './caller.ts';

/** Stands where no request is behind a change: jobs of the server itself, and its command line. */
export const SYSTEM_CALLER: Caller = { actor: OPERATOR, ip: '', userAgent: '', requestId: '' };
