import { callerOf } from '../../platform/http/caller.ts';
import { createAttemptLimit } from '../../platform/http/limits.ts';
import type { LoadShedder } from '../../platform/http/load-shedder.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import type { DeviceCookie } from '../guessing/device-cookie.ts';
import { ENCRYPTED_CODES } from '../password-encryption/errors.ts';
import type { PasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import { signedInSchema } from '../sessions/schemas.ts';
import { loginKey } from '../users/names.ts';
import { PASSWORD_CODES } from './errors.ts';
import type { Invitations } from './invitations.ts';
import { proofOf } from './mailed-proof.ts';
import type { Registrations } from './registration.ts';
import {
  acceptedSchema,
  acceptInvitationBody,
  registerBody,
  registeredSchema,
  resendBody,
  verifyEmailBody,
} from './schemas.ts';

const TAGS = ['Accounts'];
const IDENTITY_CODES = ['email_invalid', 'username_invalid', 'username_taken', 'email_taken'];

/** The routes for registering, and for accepting an invitation. */
export function registrationRoutes(deps: {
  registrations: Registrations;
  invitations: Invitations;
  devices: DeviceCookie;
  decryptor: PasswordDecryptor;
  /** Refuses registrations while hashing takes too long. */
  loadShedder: LoadShedder;
}) {
  const { registrations, invitations, devices, decryptor, loadShedder } = deps;
  const registerLimit = createAttemptLimit({ name: 'register', points: 5, duration: 60 });
  const verifyLimit = createAttemptLimit({ name: 'verify-email', points: 5, duration: 60 });
  const resendLimit = createAttemptLimit({ name: 'resend', points: 5, duration: 60 });
  const acceptLimit = createAttemptLimit({ name: 'accept-invitation', points: 5, duration: 60 });

  return async (app: HttpServer): Promise<void> => {
    app.post(
      '/auth/register',
      {
        config: {
          access: 'public',
          errors: ['registration_closed', ...IDENTITY_CODES, ...PASSWORD_CODES, ...ENCRYPTED_CODES],
          answerHeaders: ['Set-Cookie'],
        },
        onRequest: loadShedder.onRequest,
        schema: {
          operationId: 'register',
          summary: 'Register; a code is mailed to the address',
          description:
            'With e-mail verification, the answer is the same for known and unknown addresses. Without it, the answer is 201, as for a sign-in.',
          tags: TAGS,
          body: registerBody,
          response: { 202: registeredSchema, 201: signedInSchema },
        },
      },
      async (request, reply) => {
        const { tokenTransport = 'cookie', ...input } = request.body;
        await registerLimit(request, loginKey(input.email));
        const opened = await decryptor.open(input, 'password');
        const result = await loadShedder.run(() => registrations.register(callerOf(request), opened));
        if ('signedIn' in result) return devices.handOut(reply.code(201), result.signedIn, tokenTransport);
        return reply.code(202).send({ status: 'verification_required', ...result });
      },
    );

    app.post(
      '/auth/verify-email',
      {
        config: {
          access: 'public',
          errors: ['code_invalid', 'email_taken', 'username_taken', 'username_invalid'],
          answerHeaders: ['Set-Cookie'],
        },
        schema: {
          operationId: 'verifyEmail',
          summary: 'Create the account with the mailed code, and sign in',
          description:
            'A code can be tried 5 times. If the username has been taken since the registration, the code stays valid: send it again with another `username`.',
          tags: TAGS,
          body: verifyEmailBody,
          response: { 200: signedInSchema },
        },
      },
      async (request, reply) => {
        const { tokenTransport = 'cookie', ...input } = request.body;
        await verifyLimit(request, input.registrationId);
        const signedIn = await registrations.verify(callerOf(request), input);
        return devices.handOut(reply, signedIn, tokenTransport);
      },
    );

    app.post(
      '/auth/resend-verification',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'resendVerification',
          summary: 'Mail the code again',
          description: 'At most once a minute, 5 times an hour and 10 times a day. The answer is always the same.',
          tags: TAGS,
          body: resendBody,
          response: { 202: acceptedSchema },
        },
      },
      async (request, reply) => {
        await resendLimit(request, request.body.registrationId);
        await registrations.resend(callerOf(request), request.body.registrationId);
        return reply.code(202).send({ status: 'accepted' });
      },
    );

    app.post(
      '/auth/accept-invitation',
      {
        config: {
          access: 'public',
          errors: [
            'token_invalid',
            'code_invalid',
            'username_invalid',
            'username_taken',
            ...PASSWORD_CODES,
            ...ENCRYPTED_CODES,
          ],
          answerHeaders: ['Set-Cookie'],
        },
        schema: {
          operationId: 'acceptInvitation',
          summary: 'Set the first password with the token of an invitation, and sign in',
          description:
            'Send the `token` of the mailed link, which is after `#token=`, or the mailed `code` with `email`. Both are valid for 7 days and work once.',
          tags: TAGS,
          body: acceptInvitationBody,
          response: { 200: signedInSchema },
        },
      },
      async (request, reply) => {
        const { tokenTransport = 'cookie', token, email, code, ...input } = request.body;
        const proof = proofOf({ token, email, code });
        await acceptLimit(request, 'token' in proof ? proof.token : loginKey(proof.email));
        const opened = await decryptor.open(input, 'password');
        return devices.handOut(reply, await invitations.accept(callerOf(request), proof, opened), tokenTransport);
      },
    );
  };
}
