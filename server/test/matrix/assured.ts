import assert from 'node:assert/strict';
import { isPhishingResistant } from '../../src/modules/sessions/names.ts';
import type { Proof } from '../../src/modules/sessions/session-store.ts';
import { makeEvent } from '../fixtures.ts';
import type { Member, World } from './world.ts';

/** Lets a session be one of somebody who has given these proofs besides, without the factors that would take. */
export async function assured(
  { app, time }: Pick<World, 'app' | 'time'>,
  { sessionId }: Pick<Member, 'sessionId'>,
  methods: readonly Proof['method'][],
): Promise<void> {
  const session = (await app.storage.sessions.find(sessionId)) ?? assert.fail('there is no such session');
  const at = time.now;
  const proofs = [...session.methods, ...methods.map((method) => ({ method, at }))];
  const aal = methods.some((method) => method !== 'trusted_device') ? 2 : 1;
  const change = { methods: proofs, aal, authTime: at, organizationId: null } as const;
  const event = { ...makeEvent(`session:${sessionId}`), evicts: true };
  assert.ok(await app.storage.sessions.elevate(session, change, event));
  assert.ok(isPhishingResistant(methods) || aal > 0);
}
