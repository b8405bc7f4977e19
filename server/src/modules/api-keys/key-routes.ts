import { Type } from 'typebox';
import type { Clock } from '../../platform/clock.ts';
import { actorOf } from '../../platform/http/actor.ts';
import { callerOf, type SessionActor } from '../../platform/http/caller.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { optionalBody } from '../../platform/http/schemas.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { ApiKeyStore } from './api-key-store.ts';
import type { KeyStates } from './key-states.ts';
import type { KeyOwner, Keys } from './keys.ts';
import {
  createKeyBody,
  keyListSchema,
  keyParams,
  keySchema,
  keyView,
  madeKeySchema,
  patchKeyBody,
  reportBody,
  rotateKeyBody,
  toKeyInput,
  toKeyPatch,
  toRotation,
} from './schemas.ts';

const TAGS = ['API keys'];
const MAKING = { name: 'key-making', points: 30, duration: 3600 };
const REPORTS = { name: 'key-reports', points: 60, duration: 60 };
/** Live and expired keys of one subject that are shown. */
export const SHOWN_KEYS = 200;
export const MAKING_ERRORS = ['api_keys_off', 'scope_unknown', 'power_exceeded', 'key_limit'];
export const ROTATING_ERRORS = ['api_keys_off', 'key_not_found', 'key_rotated', 'power_exceeded'];

/** Routes on which people make and end keys of their own, and the one on which anybody ends a key that became public. */
export function keyRoutes(deps: {
  keys: Keys;
  states: KeyStates;
  store: ApiKeyStore;
  /** The caller's own account. */
  me: (actor: SessionActor) => Promise<UserRecord>;
  clock: Clock;
}) {
  const { keys, states, store, me, clock } = deps;

  async function ownerOf(request: Parameters<typeof actorOf>[0]): Promise<KeyOwner> {
    const { id, grantEpoch } = await me(actorOf(request));
    return { kind: 'pat', subjectId: id, grantEpoch };
  }
  const holderOf = ({ subjectId }: KeyOwner) => states.findHolder({ kind: 'person', id: subjectId });

  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/users/me/keys',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'listMyKeys',
          summary: 'Your API keys',
          description: 'The latest first, without those that were revoked. None shows its secret.',
          tags: TAGS,
          response: { 200: keyListSchema },
        },
      },
      async (request) => {
        const owner = await ownerOf(request);
        const [all, holder] = await Promise.all([store.listOf(owner.subjectId, SHOWN_KEYS), holderOf(owner)]);
        return { items: all.map((key) => keyView(key, holder, clock())) };
      },
    );

    app.post(
      '/users/me/keys',
      {
        config: { access: 'signedIn', fresh: true, limit: MAKING, errors: MAKING_ERRORS },
        schema: {
          operationId: 'createMyKey',
          summary: 'Make an API key',
          description:
            'It acts in your name, within its scopes and what your roles grant at each request. You cannot give it more than you hold. The answer shows it once.',
          tags: TAGS,
          body: createKeyBody,
          response: { 201: madeKeySchema },
        },
      },
      async (request, reply) => {
        const owner = await ownerOf(request);
        const { key, secret } = await keys.make(callerOf(request), owner, toKeyInput(request.body));
        return reply.code(201).send({ key: keyView(key, await holderOf(owner), clock()), secret });
      },
    );

    app.patch(
      '/users/me/keys/:id',
      {
        config: { access: 'signedIn', errors: ['key_not_found', 'key_widened', 'scope_unknown'] },
        schema: {
          operationId: 'narrowMyKey',
          summary: 'Rename an API key, or make it narrower',
          description: 'Fewer scopes or networks, an earlier end; never more. It takes effect immediately.',
          tags: TAGS,
          params: keyParams,
          body: patchKeyBody,
          response: { 200: keySchema },
        },
      },
      async (request) => {
        const owner = await ownerOf(request);
        const key = await keys.narrow(callerOf(request), owner, request.params.id, toKeyPatch(request.body));
        return keyView(key, await holderOf(owner), clock());
      },
    );

    app.post(
      '/users/me/keys/:id/rotate',
      {
        config: { access: 'signedIn', fresh: true, limit: MAKING, errors: ROTATING_ERRORS },
        schema: {
          operationId: 'rotateMyKey',
          summary: 'Give an API key a new secret',
          description: 'The former one works until the overlap is over, so that programs can be changed one by one.',
          tags: TAGS,
          params: keyParams,
          body: optionalBody(rotateKeyBody),
          response: { 200: madeKeySchema },
        },
      },
      async (request) => {
        const owner = await ownerOf(request);
        const rotation = toRotation(request.body);
        const { key, secret } = await keys.rotate(callerOf(request), owner, request.params.id, rotation);
        return { key: keyView(key, await holderOf(owner), clock()), secret };
      },
    );

    app.delete(
      '/users/me/keys/:id',
      {
        config: { access: 'signedIn', errors: ['key_not_found'] },
        schema: {
          operationId: 'revokeMyKey',
          summary: 'Revoke an API key',
          description: 'It stops working immediately, with both secrets of a rotation.',
          tags: TAGS,
          params: keyParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await keys.revoke(callerOf(request), await ownerOf(request), request.params.id, 'by_owner');
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/auth/keys/report',
      {
        config: { access: 'public', limit: REPORTS },
        schema: {
          operationId: 'reportKey',
          summary: 'Report an API key that has become public',
          description:
            'For secret scanners and finders: a live key is revoked, and its owner told. The answer never says whether it was one.',
          tags: TAGS,
          body: reportBody,
          response: { 202: Type.Object({ status: Type.Literal('accepted') }, { title: 'Reported' }) },
        },
      },
      async (request, reply) => {
        await keys.report(callerOf(request), request.body.token);
        return reply.code(202).send({ status: 'accepted' });
      },
    );
  };
}
