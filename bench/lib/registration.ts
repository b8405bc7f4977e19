import { expectStatus, type Send } from './http.ts';
import type { MailSink } from './mail-sink.ts';
import { PASSWORD } from './people.ts';

/** Registers this address and verifies it with the mailed code; answers the milliseconds of both requests, without the way of the mail between them. */
export async function register(send: Send, sink: MailSink, email: string): Promise<number> {
  const started = await send('POST', '/api/v1/auth/register', { body: { email, password: PASSWORD } });
  const { registrationId } = expectStatus<{ registrationId: string }>(started, 202);
  const body = { registrationId, code: await sink.codeFor(email), tokenTransport: 'body' };
  const verified = await send('POST', '/api/v1/auth/verify-email', { body });
  expectStatus(verified, 200);
  return started.took + verified.took;
}
