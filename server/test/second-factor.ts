import { codeAt, stepOf } from '../src/modules/factors/totp.ts';
import { ok } from './client.ts';
import type { Member, World } from './matrix/world.ts';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The bytes of a secret as apps take it. */
function fromBase32(text: string): Buffer {
  const bits = [...text].map((letter) => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** Somebody's authenticator app. */
export interface App {
  /** Moves the clock to the next time step, since a code is taken once, and answers its code. */
  code(): string;
  /** Those of the first app only. */
  recoveryCodes: string[];
}

/** Adds an authenticator app to somebody's account; their session is one of two factors from then on. */
export async function addApp(
  { client, time }: Pick<World, 'client' | 'time'>,
  { token }: Pick<Member, 'token'>,
): Promise<App> {
  const begun = ok<{ enrollToken: string; secret: string }>(
    await client.send('POST', '/users/me/factors/totp', { token, body: {} }),
    200,
  );
  const secret = fromBase32(begun.secret);
  const body = { enrollToken: begun.enrollToken, code: codeAt(secret, stepOf(time.now)) };
  const confirmed = await client.send('POST', '/users/me/factors/totp/confirm', { token, body });
  const { recoveryCodes = [] } = ok<{ recoveryCodes?: string[] }>(confirmed, 201);
  return {
    recoveryCodes,
    code() {
      time.forward(30_000);
      return codeAt(secret, stepOf(time.now));
    },
  };
}
