import { callerOf } from '../../platform/http/caller.ts';
import { demandOne } from '../../platform/http/choices.ts';
import { createAttemptLimit } from '../../platform/http/limits.ts';
import type { RoutePlugin } from '../../platform/http/part.ts';
import type { DeviceCookie } from '../guessing/device-cookie.ts';
import { loginKey } from '../users/names.ts';
import type { EmailSignIn } from './email-sign-in.ts';
import type { EmailFlowCookie } from './flow-tokens.ts';
import { emailCodeBody, emailFlowSchema, signedInByMailSchema, verifyEmailCodeBody } from './schemas.ts';

const TAGS = ['Accounts'];

/** The routes for signing in by a mailed code or link. */
export function emailSignInRoutes(deps: {
  emailSignIn: EmailSignIn;
  devices: DeviceCookie;
  flowCookie: EmailFlowCookie;
}): RoutePlugin {
  const { emailSignIn, devices, flowCookie } = deps;
  const requestLimit = createAttemptLimit({ name: 'email-code', points: 5, duration: 60 });
  const verifyLimit = createAttemptLimit({ name: 'email-code-verify', points: 10, duration: 60 });

  return async (app) => {
    app.post(
      '/auth/email-code',
      {
        config: {
          access: 'public',
          errors: ['email_invalid', 'email_sign_in_off'],
          answerHeaders: ['Set-Cookie'],
        },
        schema: {
          operationId: 'requestEmailCode',
          summary: 'Request a mail that signs in',
          description:
            'The answer is the same for known and unknown addresses. The code is valid for 10 minutes. At most one mail a minute, 5 an hour and 20 a day.',
          tags: TAGS,
          body: emailCodeBody,
          response: { 202: emailFlowSchema },
        },
      },
      async (request, reply) => {
        const { flowToken, deviceToken, ...input } = request.body;
        await requestLimit(request, loginKey(input.email));
        const flow = await emailSignIn.request(callerOf(request), {
          ...input,
          flowToken: flowToken ?? flowCookie.read(request),
          deviceTokens: deviceToken ?? devices.read(request),
        });
        flowCookie.set(reply, flow.flowToken, flow.expiresIn);
        return reply.code(202).send(flow);
      },
    );

    app.post(
      '/auth/email-code/verify',
      {
        config: {
          access: 'public',
          errors: ['code_invalid', 'link_elsewhere', 'step_required', 'email_sign_in_off'],
          answerHeaders: ['Set-Cookie'],
        },
        schema: {
          operationId: 'verifyEmailCode',
          summary: 'Sign in with the mailed code, or the token of the mailed link',
          description:
            'Both work once, and only with the `flowToken` of the request. A code can be tried 3 times. With `REGISTRATION=open`, an address without an account gets one.',
          tags: TAGS,
          body: verifyEmailCodeBody,
          response: { 200: signedInByMailSchema },
        },
      },
      async (request, reply) => {
        const { flowToken = flowCookie.read(request), code, token, elsewhere, ...body } = request.body;
        const { tokenTransport = 'cookie', deviceToken } = body;
        const secret = demandOne({ code, token }, ['code', 'token']);
        const proof = code === undefined ? { token: secret } : { code: secret };
        await verifyLimit(request, flowToken ?? secret);
        const deviceTokens = deviceToken ?? devices.read(request);
        const caller = callerOf(request);
        const { signedIn, returnTo } = await emailSignIn.verify(caller, { flowToken, proof, elsewhere, deviceTokens });
        flowCookie.clear(reply);
        const answer = devices.handOut(reply, signedIn, tokenTransport, deviceToken);
        return { ...answer, ...(returnTo !== null && { returnTo }) };
      },
    );
  };
}
