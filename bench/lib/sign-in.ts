import { createHttpClient, expectStatus } from './http.ts';
import { PASSWORD } from './people.ts';

export interface Tokens {
  accessToken: string;
  refreshToken: string;
}

/** Signs one of the synthetic people in; the refresh token comes in the body. */
export async function signIn(url: string, email: string): Promise<Tokens> {
  const body = { login: email, password: PASSWORD, tokenTransport: 'body' };
  return expectStatus(await createHttpClient(url)('POST', '/api/v1/auth/login', { body }), 200);
}
