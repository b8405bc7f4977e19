import type { Caller } from './caller.ts';

/** Stands where no request is behind a change: the server itself, and its command line. */
export const SYSTEM_CALLER: Caller = { actor: null, ip: '', userAgent: '', requestId: '' };
