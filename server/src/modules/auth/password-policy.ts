import type { BreachedPasswords } from './breached-passwords.ts';
import { isCommonPassword } from './common-passwords.ts';
import { comparable } from './comparable.ts';
import { passwordErrors } from './errors.ts';
import { type PersonalData, personalParts } from './personal-parts.ts';
import { isRepetitive } from './repetitions.ts';

export interface PasswordPolicy {
  /**
   * Decides whether a person may set this password. Rejects with `password_too_short`, `password_too_long`, `password_common`
   * (popular, repetitive, or in a known breach) or `password_context` (all 400). There are no composition rules: they make passwords worse (NIST SP
   * 800-63B, 3.1.1.2).
   *
   * Context: the person's own data and the product's name add no strength. Their parts (of 4 characters or more) are cut
   * out, and if any was found, the rest must still have `min(minLength, 8)` characters. A shorter part (`Li`) occurs in too
   * many innocent words, and is refused only as the whole password. Case, accents and look-alikes (`0st1ary`) make no difference.
   *
   * Repetitions and runs (`aaaaaaaa`, `qwertyqwerty`, `abcd1234`) are judged by their unit: it must have as many characters, too.
   */
  check(password: string, person: PersonalData): Promise<void>;
}

/** Characters (code points of the NFKC form). */
export const PASSWORD_MAX_LENGTH = 1024;
const MIN_PART_LENGTH = 4;
const MAX_REQUIRED_REST = 8;

/**
 * Creates the policy for new passwords. `minLength` counts code points of the NFKC form, the form that is hashed. `breached`: the list of
 * the operator, if there is one.
 */
export function createPasswordPolicy({
  minLength,
  breached,
}: {
  minLength: number;
  breached: BreachedPasswords | null;
}): PasswordPolicy {
  const requiredRest = Math.min(minLength, MAX_REQUIRED_REST);

  return {
    async check(password, person) {
      const length = count(password.normalize('NFKC'));
      if (length < minLength) throw passwordErrors.password_too_short({ members: { minLength } });
      if (length > PASSWORD_MAX_LENGTH)
        throw passwordErrors.password_too_long({ members: { maxLength: PASSWORD_MAX_LENGTH } });
      if (isCommonPassword(password)) throw passwordErrors.password_common();
      if (livesOn(personalParts(person), comparable(password), requiredRest)) throw passwordErrors.password_context();
      if (isRepetitive(password, requiredRest)) throw passwordErrors.password_common();
      if (await breached?.has(password)) throw passwordErrors.password_common();
    },
  };
}

function livesOn(parts: string[], password: string, requiredRest: number): boolean {
  if (parts.includes(password)) return true;
  // A cut leaves a NUL, so that the text around it cannot join into another part. NULs do not count towards the length of the rest.
  const rest = parts
    .filter((part) => count(part) >= MIN_PART_LENGTH)
    .reduce((text, part) => text.replaceAll(part, '\0'), password);
  return rest !== password && count(rest.replaceAll('\0', '')) < requiredRest;
}

function count(text: string): number {
  let characters = 0;
  for (const _ of text) characters += 1;
  return characters;
}
