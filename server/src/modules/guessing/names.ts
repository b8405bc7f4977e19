import type { KeyedHash } from '../../platform/crypto/keyed-hash.ts';
import { type Caller, subjectOf } from '../../platform/http/caller.ts';
import type { Asker } from './address-bounds.ts';

/** 24 bits, 4 of 43 characters: enough for counting, useless for guessing the password. */
const LENGTH = 4;

/** Stands for a password while its attempts are counted for some minutes, so that counters never see the password. */
export function passwordFingerprint(keyedHash: KeyedHash, password: string): string {
  return keyedHash(`password ${password.normalize('NFKC')}`).slice(0, LENGTH);
}

/** Counts the mails that an administrator causes apart from those of strangers. */
export const askerOf = (caller: Caller): Asker => ({
  ip: caller.ip,
  apart: `by ${subjectOf(caller)?.id ?? 'operator'}`,
});
