import { Type } from 'typebox';
import { actorOf } from '../../platform/http/actor.ts';
import { callerOf } from '../../platform/http/caller.ts';
import type { RoutePlugin } from '../../platform/http/part.ts';
import { optionalBody } from '../../platform/http/schemas.ts';
import type { OwnFactors } from './own-factors.ts';
import {
  beginTotpBody,
  confirmedTotpSchema,
  confirmTotpBody,
  enrolmentSchema,
  factorParams,
  factorsSchema,
  factorsView,
  factorView,
  recoveryCodesSchema,
} from './schemas.ts';

const TAGS = ['Second factors'];

/** The routes with which users look after their own factors. */
export function factorRoutes({ own }: { own: OwnFactors }): RoutePlugin {
  return async (app) => {
    app.get(
      '/users/me/factors',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'listMyFactors',
          summary: 'What proves you besides the password',
          description: 'Without secrets.',
          tags: TAGS,
          response: { 200: factorsSchema },
        },
      },
      async (request) => {
        const { factors, requiredBy } = await own.list(callerOf(request), actorOf(request));
        return factorsView(factors, requiredBy);
      },
    );

    app.post(
      '/users/me/factors/totp',
      {
        config: { access: 'signedIn', fresh: true, errors: ['factor_limit'] },
        schema: {
          operationId: 'beginTotp',
          summary: 'Make a secret for an authenticator app',
          description: 'Nothing is stored before `…/totp/confirm` gets the first code.',
          tags: TAGS,
          body: optionalBody(beginTotpBody),
          response: { 200: enrolmentSchema },
        },
      },
      async (request) => own.beginTotp(actorOf(request), request.body?.name),
    );

    app.post(
      '/users/me/factors/totp/confirm',
      {
        config: { access: 'signedIn', fresh: true, errors: ['code_invalid', 'token_invalid', 'factor_limit'] },
        schema: {
          operationId: 'confirmTotp',
          summary: 'Add the authenticator app, with its first code',
          description:
            'From then on a sign-in needs a code. With the first app come `recoveryCodes`, which are shown only now. No session ends; trusted devices do.',
          tags: TAGS,
          body: confirmTotpBody,
          response: { 201: confirmedTotpSchema },
        },
      },
      async (request, reply) => {
        const { totp, recoveryCodes } = await own.confirmTotp(callerOf(request), actorOf(request), request.body);
        return reply.code(201).send({ factor: factorView(totp), ...(recoveryCodes && { recoveryCodes }) });
      },
    );

    app.delete(
      '/users/me/factors/totp/:id',
      {
        config: { access: 'signedIn', fresh: true, errors: ['factor_not_found', 'last_factor'] },
        schema: {
          operationId: 'removeTotp',
          summary: 'Remove an authenticator app',
          description:
            'With the last factor, the recovery codes go, too. No session ends: `DELETE /api/v1/sessions` ends the others.',
          tags: TAGS,
          params: factorParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await own.removeTotp(callerOf(request), actorOf(request), request.params.id);
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/users/me/recovery-codes',
      {
        config: { access: 'signedIn', fresh: true, errors: ['factor_missing'] },
        schema: {
          operationId: 'renewRecoveryCodes',
          summary: 'Get ten new recovery codes',
          description:
            'They are shown only now; the former ones are void. Each stands in once for a factor that was lost.',
          tags: TAGS,
          response: { 201: recoveryCodesSchema },
        },
      },
      async (request, reply) => {
        const codes = await own.renewRecoveryCodes(callerOf(request), actorOf(request));
        return reply.code(201).send({ codes });
      },
    );
  };
}
