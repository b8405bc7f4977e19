import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { ok } from './client.ts';
import type { Client, Scene } from './scenario.ts';

/** What `POST /users/me/factors/totp` and `POST /auth/flow/options` answer. */
export interface BegunTotp {
  enrollToken: string;
  secret: string;
  uri: string;
}

/** An authenticator app that was added. */
export interface Authenticator {
  id: string;
  secret: string;
  recoveryCodes: string[];
  /** Its code at the time of the scene, or so many steps later. */
  code(steps?: number): string;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function fromBase32(text: string): Buffer {
  const bits = [...text].map((letter) => LETTERS.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** The user's device: what an app shows at a moment. Written from RFC 6238 a second time, so that it shares no mistake with the server. */
export function appCode(secret: string, at: Date, steps = 0): string {
  const counter = Math.floor(at.getTime() / 30_000) + steps;
  const message = Buffer.from(counter.toString(16).padStart(16, '0'), 'hex');
  const hash = createHmac('sha1', fromBase32(secret)).update(message).digest('hex');
  const start = Number.parseInt(hash.slice(-1), 16) * 2;
  const number = Number.parseInt(hash.slice(start, start + 8), 16) % 0x80000000;
  return String(number).slice(-6).padStart(6, '0');
}

/** Adds an authenticator app as its owner does. `token`: of a fresh sign-in. */
export async function addAuthenticator(
  s: Pick<Scene, 'time'> & { client: Client },
  token: string,
  name?: string,
): Promise<Authenticator> {
  const begun = ok<BegunTotp>(
    await s.client.send('POST', '/users/me/factors/totp', { token, body: name === undefined ? {} : { name } }),
    200,
  );
  const code = appCode(begun.secret, s.time.now);
  const body = { enrollToken: begun.enrollToken, code };
  const { factor, recoveryCodes = [] } = ok<{ factor: { id: string }; recoveryCodes?: string[] }>(
    await s.client.send('POST', '/users/me/factors/totp/confirm', { token, body }),
    201,
  );
  assert.ok(begun.uri.includes(begun.secret));
  return {
    id: factor.id,
    secret: begun.secret,
    recoveryCodes,
    code: (steps = 0) => appCode(begun.secret, s.time.now, steps),
  };
}
