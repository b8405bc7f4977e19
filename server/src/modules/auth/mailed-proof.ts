import { formatIdToken } from '../../platform/crypto/id-token.ts';
import { sameSecret } from '../../platform/crypto/one-time.ts';
import { formatTypedCode, readTypedCode } from '../../platform/crypto/typed-code.ts';
import { type AppError, platformErrors } from '../../platform/errors.ts';
import { demandOne } from '../../platform/http/choices.ts';
import { authErrors } from './errors.ts';

/** What a mail holds to prove its mailbox: the token of its link, and the code for those whose mail program damages links. */
export interface MailedSecret {
  token: string;
  code: string;
}

/** Either of them, as it comes back. A code needs the address that it was mailed to. */
export type MailedProof = { token: string } | { email: string; code: string };

/** Both forms of a derived secret. `id`: what the token names. */
export function mailedSecret(id: string, secret: Uint8Array): MailedSecret {
  return { token: formatIdToken(id, secret), code: formatTypedCode(secret) };
}

/** Whether somebody typed the code of this secret. */
export function isCodeOf(secret: Uint8Array, typed: string): boolean {
  return sameSecret(readTypedCode(typed), formatTypedCode(secret));
}

/** The proof in a body. Throws `validation_failed` unless it has `token`, or `code` and `email`. */
export function proofOf(body: { token?: string; email?: string; code?: string }): MailedProof {
  demandOne(body, ['token', 'code']);
  const { token, email, code = '' } = body;
  if (token !== undefined) return { token };
  if (email === undefined) {
    throw platformErrors.validation_failed({
      errors: [{ path: '/email', message: 'This field is required with code.' }],
    });
  }
  return { email, code };
}

/** The error for a proof that is wrong, used or expired. */
export function proofRefused(proof: MailedProof): AppError {
  return 'token' in proof ? authErrors.token_invalid() : authErrors.code_invalid();
}
