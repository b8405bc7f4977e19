import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import type { TestApp } from './app.ts';
import { until } from './until.ts';

export interface Person {
  email: string;
  password: string;
  username?: string;
}

/** What a sign-in with `tokenTransport: "body"` answered. */
export interface SignedInBody {
  accessToken: string;
  refreshToken: string;
  /** With the body as transport, after a sign-in. */
  deviceToken?: string;
  expiresIn: number;
  session: { id: string; expiresAt: string };
  user: { id: string; email: string; roles: string[]; [field: string]: unknown };
}

/** A client of the API: sends JSON, and the access token where one is given. */
export function createClient({ app, mailsTo }: TestApp) {
  function send(
    method: InjectOptions['method'],
    path: string,
    options: { body?: unknown; token?: string; headers?: Record<string, string> } = {},
  ) {
    const { body, token, headers } = options;
    return app.http.inject({
      method: method ?? 'GET',
      url: path.startsWith('/') && !path.startsWith('/api') ? `/api/v1${path}` : path,
      headers: { 'user-agent': FIREFOX, ...(token && { authorization: `Bearer ${token}` }), ...headers },
      ...(body !== undefined && { payload: body as object }),
    });
  }

  async function register(person: Person): Promise<SignedInBody> {
    const asked = await send('POST', '/auth/register', { body: person });
    // Another instance may have taken the event, and be about to mail it.
    const mail = await until(`a mail to ${person.email}`, async () => (await mailsTo(person.email))[0] ?? null);
    const code = codeIn(mail.text);
    const body = { registrationId: asked.json().registrationId, code, tokenTransport: 'body' };
    return ok(await send('POST', '/auth/verify-email', { body }), 200);
  }

  async function login({ email, password }: Person): Promise<SignedInBody> {
    return ok(await send('POST', '/auth/login', { body: { login: email, password, tokenTransport: 'body' } }), 200);
  }

  return { send, register, login };
}

export const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
export const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

/** The JSON of an answer that has this status; throws with what it says otherwise. */
export function ok<T>(response: LightMyRequestResponse, status: number): T {
  if (response.statusCode !== status) throw new Error(`${response.statusCode} instead of ${status}: ${response.body}`);
  return (response.body === '' ? null : response.json()) as T;
}

/** The six digits of a mail. */
export function codeIn(text: string | undefined): string {
  const code = text === undefined ? undefined : /^\s*(\d{6})\s*$/m.exec(text)?.[1];
  if (!code) throw new Error(`There is no code in this mail: ${text}`);
  return code;
}

/** The token of a mail's link. */
export function tokenIn(text: string | undefined): string {
  const token = text === undefined ? undefined : /#token=([\w-]+)/.exec(text)?.[1];
  if (!token) throw new Error(`There is no link with a token in this mail: ${text}`);
  return token;
}
